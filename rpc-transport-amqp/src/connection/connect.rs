//! One attempt to connect to one host.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use async_compat::{Compat, CompatExt};
use lapin::tcp::AsyncTcpStream;
use lapin::uri::{AMQPAuthority, AMQPScheme, AMQPUri, AMQPUserInfo, SASLMechanism};
use lapin::{Connection, ConnectionProperties, runtime};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::config::{Config, Host, Login};
use crate::connection::connect_error::{Cause, ConnectFailure};
use crate::connection::mute_io_log::silence_io_thread;
use crate::connection::tls;

/// How long a broker may take to object to a certificate. One that does not waits for the client to speak.
const OBJECTION: Duration = Duration::from_secs(1);

/// The largest frame in bytes. The client library keeps 32 of them for each direction of each connection, and goes through
/// all of that room again and again; RabbitMQ's own 128 KiB would be 8 MiB.
const FRAME: u32 = 32 * 1024;

/// Connects, within the time that the configuration allows for one attempt.
pub(crate) async fn connect(
    config: &Config,
    host: &Host,
    role: &str,
) -> Result<Connection, ConnectFailure> {
    let attempt = async {
        let stream = dial(config, host).await?;
        match shake_hands(config, host, role, stream).await {
            Err(failure) if config.tls.is_some() && !failure.is_lasting() => {
                Err(objection(config, host).await.unwrap_or(failure))
            }
            made => made,
        }
    };
    timeout(config.connect_timeout, attempt).await.unwrap_or_else(|_| {
        let reason = format!("no connection within {:?}", config.connect_timeout);
        Err(ConnectFailure::new(Cause::Unreachable, host, reason))
    })
}

/// Linux takes no longer pause between its signs of life.
const LONGEST_KEEP_ALIVE: Duration = Duration::from_secs(i16::MAX as u64);

type Stream = AsyncTcpStream<Compat<TcpStream>>;

async fn dial(config: &Config, host: &Host) -> Result<Stream, ConnectFailure> {
    let unreachable = |error: io::Error| ConnectFailure::new(Cause::Unreachable, host, error);
    let stream = TcpStream::connect((host.name.as_str(), host.port)).await.map_err(unreachable)?;
    keep_alive(&stream, config.heartbeat).map_err(unreachable)?;
    let stream = AsyncTcpStream::Plain(stream.compat());
    let Some(tls) = &config.tls else { return Ok(stream) };
    let name = tls.server_name.as_deref().unwrap_or(&host.name);
    let connector = tls::connector(tls);
    let connector = connector.map_err(|error| ConnectFailure::new(Cause::File, host, error))?;
    let secured = stream.into_rustls(&connector, name).await;
    secured.map_err(|error| ConnectFailure::of_tls(host, &error))
}

/// What a broker has against the client's certificate, or against that there is none.
///
/// It says so when the client takes TLS for established and has begun to speak, and then its answer may be lost with the
/// connection. A client that only listens hears it.
async fn objection(config: &Config, host: &Host) -> Option<ConnectFailure> {
    let mut stream = dial(config, host).await.ok()?.compat();
    let mut byte = [0];
    let mut buffer = ReadBuf::new(&mut byte);
    let said = poll_fn(|cx| Pin::new(&mut stream).poll_read(cx, &mut buffer));
    let error = timeout(OBJECTION, said).await.ok()?.err()?;
    Some(ConnectFailure::of_tls(host, &error))
        .filter(|failure| failure.cause == Cause::OurCertificate)
}

/// The system, too, notices a link that is dead: heartbeats find one that says nothing, this one that takes nothing.
fn keep_alive(stream: &TcpStream, heartbeat: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let heartbeat = heartbeat.min(LONGEST_KEEP_ALIVE);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(heartbeat).with_interval(heartbeat))?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_tcp_user_timeout(Some(heartbeat * 2))?;
    Ok(())
}

async fn shake_hands(
    config: &Config,
    host: &Host,
    role: &str,
    stream: Stream,
) -> Result<Connection, ConnectFailure> {
    let name = format!("{} {role}", config.connection_name);
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    let failed = |error: lapin::Error| ConnectFailure::of_handshake(config, host, &error);
    let runtime = runtime::default_runtime()
        .map_err(|error| ConnectFailure::new(Cause::Protocol, host, error))?;
    // Asked for once, as recovery is off, and on the library's own thread.
    let stream = std::sync::Mutex::new(Some(stream));
    let dialled = async move |_: AMQPUri, _| {
        silence_io_thread();
        let stream = stream.lock().ok().and_then(|mut stream| stream.take());
        stream.ok_or_else(|| io::Error::other("the connection is asked for twice").into())
    };
    Connection::connector(uri(config, host), runtime, dialled, properties).await.map_err(failed)
}

/// What the handshake needs to know. The connection is there already.
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
    uri.query.frame_max = Some(FRAME);
    uri.query.auth_mechanism = Some(match config.login {
        Login::Plain => SASLMechanism::Plain,
        Login::AmqPlain => SASLMechanism::AMQPlain,
        Login::External => SASLMechanism::External,
    });
    uri
}
