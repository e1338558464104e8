//! Connects to one host, once.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use async_compat::{Compat, CompatExt};
use lapin::tcp::AsyncTcpStream;
use lapin::uri::{AMQPAuthority, AMQPScheme, AMQPUri, AMQPUserInfo, SASLMechanism};
use lapin::{Connection, ConnectionProperties, runtime};
use parking_lot::Mutex;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::connect_error::{Cause, ConnectError};
use super::mute_io_log::mute_io_thread;
use super::tls;
use crate::config::{Config, Host, Login};

/// How long the broker may take to reject a certificate. If it accepts the certificate, it waits for the client to speak.
const ALERT_TIMEOUT: Duration = Duration::from_secs(1);

/// The largest frame in bytes. The AMQP library keeps 32 frames for each direction of each connection, and goes through all of
/// that memory again and again. RabbitMQ's default of 128 KiB would take 8 MiB.
const FRAME_MAX: u32 = 32 * 1024;

/// Connects to one host within the configured connect timeout.
pub(super) async fn connect(
    config: &Config,
    host: &Host,
    role: &str,
) -> Result<Connection, ConnectError> {
    let attempt = async {
        let stream = dial(config, host).await?;
        match handshake(config, host, role, stream).await {
            Err(error) if config.tls.is_some() && !error.is_permanent() => {
                Err(client_cert_alert(config, host).await.unwrap_or(error))
            }
            connected => connected,
        }
    };
    timeout(config.connect_timeout, attempt).await.unwrap_or_else(|_| {
        let reason = format!("no connection within {:?}", config.connect_timeout);
        Err(ConnectError::new(Cause::Unreachable, host, reason))
    })
}

/// The longest interval between keep-alive probes that Linux takes.
const MAX_KEEP_ALIVE: Duration = Duration::from_secs(i16::MAX as u64);

type Stream = AsyncTcpStream<Compat<TcpStream>>;

/// Opens a TCP connection, with TLS if it is configured.
async fn dial(config: &Config, host: &Host) -> Result<Stream, ConnectError> {
    let unreachable = |error: io::Error| ConnectError::new(Cause::Unreachable, host, error);
    let stream = TcpStream::connect((host.name.as_str(), host.port)).await.map_err(unreachable)?;
    keep_alive(&stream, config.heartbeat).map_err(unreachable)?;
    let stream = AsyncTcpStream::Plain(stream.compat());
    let Some(tls) = &config.tls else { return Ok(stream) };
    let name = tls.server_name.as_deref().unwrap_or(&host.name);
    let connector = tls::connector(tls);
    let connector = connector.map_err(|error| ConnectError::new(Cause::TlsFile, host, error))?;
    let secured = stream.into_rustls(&connector, name).await;
    secured.map_err(|error| ConnectError::of_tls(host, &error))
}

/// Connects once more to learn whether the broker rejects the client's certificate, or requires one.
///
/// The broker says so after the client has taken TLS for established and has begun to speak, so the alert may be lost with the
/// connection. A client that only listens receives it.
async fn client_cert_alert(config: &Config, host: &Host) -> Option<ConnectError> {
    let mut stream = dial(config, host).await.ok()?.compat();
    let mut byte = [0];
    let mut buffer = ReadBuf::new(&mut byte);
    let said = poll_fn(|cx| Pin::new(&mut stream).poll_read(cx, &mut buffer));
    let error = timeout(ALERT_TIMEOUT, said).await.ok()?.err()?;
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
    stream: Stream,
) -> Result<Connection, ConnectError> {
    let name = format!("{} {role}", config.connection_name);
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    let failed = |error: lapin::Error| ConnectError::of_handshake(config, host, &error);
    let runtime = runtime::default_runtime()
        .map_err(|error| ConnectError::new(Cause::Protocol, host, error))?;
    // The library asks for it once, as recovery is off, and on its own thread.
    let stream = Mutex::new(Some(stream));
    let connected = async move |_: AMQPUri, _| {
        mute_io_thread();
        stream
            .lock()
            .take()
            .ok_or_else(|| io::Error::other("the connection is asked for twice").into())
    };
    Connection::connector(uri(config, host), runtime, connected, properties).await.map_err(failed)
}

/// Returns the settings of the handshake. The TCP connection exists already.
fn uri(config: &Config, host: &Host) -> AMQPUri {
    let mut uri = AMQPUri {
        scheme: AMQPScheme::AMQP,
        authority: AMQPAuthority {
            userinfo: AMQPUserInfo {
                username: host.credentials.user.clone(),
                password: host.credentials.password.reveal().to_owned(),
            },
            host: host.name.clone(),
            port: host.port,
        },
        vhost: config.virtual_host.clone(),
        query: <_>::default(),
    };
    // The configuration keeps it within 16 bits.
    uri.query.heartbeat = Some(u16::try_from(config.heartbeat.as_secs()).unwrap_or(u16::MAX));
    uri.query.frame_max = Some(FRAME_MAX);
    uri.query.auth_mechanism = Some(match config.login {
        Login::Plain => SASLMechanism::Plain,
        Login::AmqPlain => SASLMechanism::AMQPlain,
        Login::External => SASLMechanism::External,
    });
    uri
}
