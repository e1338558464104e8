//! Connects to one host, once.

use std::io;
use std::time::Duration;

use rpc_amqp::{Connection, Options};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::connect_error::{Cause, ConnectError};
use super::tls;
use crate::config::{Config, Host, Login, Tls};

/// How long the broker may take to reject a certificate. If it accepts the certificate, it waits for the client to speak.
const ALERT_TIMEOUT: Duration = Duration::from_secs(1);

/// The largest frame: as large as the broker's. A content header is not split, so a copy of a message may need as large a frame
/// as its publisher's.
const FRAME_MAX: u32 = 0;

/// The longest interval between keep-alive probes that Linux takes.
const MAX_KEEP_ALIVE: Duration = Duration::from_secs(i16::MAX as u64);

/// Connects to one host within the configured connect timeout.
pub(super) async fn connect(
    config: &Config,
    host: &Host,
    role: &str,
) -> Result<Connection, ConnectError> {
    let attempt = async {
        let stream = dial(config, host).await?;
        let Some(tls) = &config.tls else { return handshake(config, host, role, stream).await };
        let stream = secure(tls, host, stream).await?;
        match handshake(config, host, role, stream).await {
            Err(error) if !error.is_permanent() => {
                Err(client_cert_alert(config, tls, host).await.unwrap_or(error))
            }
            connected => connected,
        }
    };
    timeout(config.connect_timeout, attempt).await.unwrap_or_else(|_| {
        let reason = format!("no connection within {:?}", config.connect_timeout);
        Err(ConnectError::new(Cause::Unreachable, host, reason))
    })
}

/// Opens a TCP connection.
async fn dial(config: &Config, host: &Host) -> Result<TcpStream, ConnectError> {
    let unreachable = |error: io::Error| ConnectError::new(Cause::Unreachable, host, error);
    let stream = TcpStream::connect((host.name.as_str(), host.port)).await.map_err(unreachable)?;
    keep_alive(&stream, config.heartbeat).map_err(unreachable)?;
    Ok(stream)
}

/// Performs the TLS handshake.
async fn secure(
    tls: &Tls,
    host: &Host,
    stream: TcpStream,
) -> Result<impl AsyncRead + AsyncWrite + Unpin + Send + use<>, ConnectError> {
    let connector = tls::Connector::new(tls);
    let connector = connector.map_err(|error| ConnectError::new(Cause::TlsFile, host, error))?;
    let name = tls.server_name.as_deref().unwrap_or(&host.name);
    connector.connect(name, stream).await.map_err(|error| ConnectError::of_tls(host, &error))
}

/// Connects once more to learn whether the broker rejects the client's certificate, or requires one.
///
/// The broker says so after the client has taken TLS for established and has begun to speak, so the alert may be lost with the
/// connection. A client that only listens receives it.
async fn client_cert_alert(config: &Config, tls: &Tls, host: &Host) -> Option<ConnectError> {
    let stream = dial(config, host).await.ok()?;
    let mut stream = secure(tls, host, stream).await.ok()?;
    let error = timeout(ALERT_TIMEOUT, stream.read_u8()).await.ok()?.err()?;
    Some(ConnectError::of_tls(host, &error)).filter(|error| error.cause == Cause::ClientCertificate)
}

/// Has the operating system notice a dead connection, too: heartbeats notice a peer that sends nothing, the TCP user timeout one
/// that takes nothing.
fn keep_alive(stream: &TcpStream, heartbeat: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let heartbeat = heartbeat.min(MAX_KEEP_ALIVE);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(heartbeat).with_interval(heartbeat))?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_tcp_user_timeout(Some(heartbeat * 2))?;
    Ok(())
}

/// Performs the AMQP handshake: login, tuning and virtual host.
async fn handshake(
    config: &Config,
    host: &Host,
    role: &str,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<Connection, ConnectError> {
    let options = Options {
        virtual_host: config.virtual_host.clone(),
        name: format!("{} {role}", config.connection_name),
        heartbeat: config.heartbeat,
        frame_max: FRAME_MAX,
        max_body: config.max_message,
        ..Options::new(login(config, host))
    };
    let connected = Connection::open(stream, &options).await;
    connected.map_err(|error| ConnectError::of_handshake(config, host, &error))
}

fn login(config: &Config, host: &Host) -> rpc_amqp::Login {
    let credentials = || {
        let credentials = &host.credentials;
        (credentials.user.clone(), credentials.password.reveal().to_owned())
    };
    match config.login {
        Login::Plain => {
            let (user, password) = credentials();
            rpc_amqp::Login::Plain { user, password }
        }
        Login::AmqPlain => {
            let (user, password) = credentials();
            rpc_amqp::Login::AmqPlain { user, password }
        }
        Login::External => rpc_amqp::Login::External,
    }
}
