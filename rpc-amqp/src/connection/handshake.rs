//! The handshake: login, tuning and virtual host.

use std::io;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::shared::Tuning;
use crate::options::{Login, Options};
use crate::wire::client_method::{self, ClientMethod, client_properties};
use crate::wire::frame::{self, FrameError, Kind, OVERHEAD};
use crate::wire::server_method::{self, ServerMethod};
use crate::wire::table::{Field, FieldTable};
use crate::wire::{MAX_NAME, Malformed};
use crate::{Error, InvalidArgument};

const PROTOCOL: [u8; 8] = *b"AMQP\x00\x00\x09\x01";
/// The smallest frame size that AMQP allows to agree on.
const MIN_FRAME: u32 = 4096;
/// The largest frame that is accepted where the broker has no limit, and while nothing has been agreed on.
const MAX_FRAME: u32 = 16 * 1024 * 1024;
const MAX_FRAME_BEFORE_TUNING: usize = 128 * 1024;

/// Performs the handshake. Returns what was agreed on, and what has been read beyond it.
pub(super) async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    options: &Options,
) -> Result<(Tuning, BytesMut), Error> {
    let bytes = options.virtual_host.len();
    if bytes > MAX_NAME {
        return Err(InvalidArgument::NameTooLong { what: "the virtual host", bytes }.into());
    }
    let mut handshake = Handshake { stream, input: BytesMut::new() };
    handshake.write(&PROTOCOL).await?;
    handshake.log_in(options).await?;
    let tuning = handshake.tune(options).await?;
    handshake.send(&ClientMethod::Open { virtual_host: &options.virtual_host }).await?;
    handshake.expect(|method| matches!(method, ServerMethod::OpenOk).then_some(())).await?;
    Ok((tuning, handshake.input))
}

struct Handshake<'a, S> {
    stream: &'a mut S,
    input: BytesMut,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Handshake<'_, S> {
    async fn log_in(&mut self, options: &Options) -> Result<(), Error> {
        let (mechanism, response) = credentials(&options.login)?;
        let offered = self
            .expect(|method| match method {
                ServerMethod::Start { mechanisms } => {
                    Some(mechanisms.to_string_lossy().into_owned())
                }
                _ => None,
            })
            .await?;
        if !offered.split(' ').any(|known| known == mechanism) {
            return Err(Error::NoSuchLogin(offered.into()));
        }
        let properties = &client_properties(&options.name);
        self.send(&ClientMethod::StartOk { properties, mechanism, response: &response }).await
    }

    async fn tune(&mut self, options: &Options) -> Result<Tuning, Error> {
        let (channel_max, frame_max, heartbeat) = self
            .expect(|method| match *method {
                ServerMethod::Tune { channel_max, frame_max, heartbeat } => {
                    Some((channel_max, frame_max, heartbeat))
                }
                _ => None,
            })
            .await?;
        let tuning = agree(options, channel_max, frame_max, heartbeat);
        let Tuning { channel_max, heartbeat, frame_max, .. } = tuning;
        self.send(&ClientMethod::TuneOk { channel_max, frame_max, heartbeat }).await?;
        Ok(tuning)
    }

    async fn send(&mut self, method: &ClientMethod<'_>) -> Result<(), Error> {
        let mut out = Vec::new();
        client_method::put(&mut out, 0, method);
        self.write(&out).await
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.stream.write_all(bytes).await.map_err(Error::io)?;
        self.stream.flush().await.map_err(Error::io)
    }

    /// Reads the next method, which must be the one that `read` takes.
    async fn expect<R>(
        &mut self,
        read: impl FnOnce(&ServerMethod<'_>) -> Option<R>,
    ) -> Result<R, Error> {
        loop {
            let frame = match frame::read(&self.input, MAX_FRAME_BEFORE_TUNING) {
                Ok(frame) => frame,
                Err(FrameError::Incomplete(_)) => {
                    self.read_more().await?;
                    continue;
                }
                Err(_) => return Err(Error::NotAmqp),
            };
            let length = frame.len();
            if frame.kind == Kind::Heartbeat {
                self.input.advance(length);
                continue;
            }
            if frame.kind != Kind::Method || frame.channel != 0 {
                return Err(Error::protocol("a frame comes that is no part of a handshake"));
            }
            let method = server_method::read(frame.payload);
            let method = method.map_err(|Malformed(what)| Error::protocol(what))?;
            if let ServerMethod::ConnectionClose(close) = method {
                let error = close.to_error(true);
                // The broker closes the stream anyway.
                let _ = self.send(&ClientMethod::ConnectionCloseOk).await;
                return Err(error);
            }
            let unexpected = format!("{method:?} is not expected in a handshake at this point");
            let wanted = read(&method);
            self.input.advance(length);
            return wanted.ok_or_else(|| Error::protocol(unexpected));
        }
    }

    async fn read_more(&mut self) -> Result<(), Error> {
        match self.stream.read_buf(&mut self.input).await {
            Ok(0) => {
                let text = "the broker closed the stream during the handshake";
                Err(Error::io(io::Error::new(io::ErrorKind::UnexpectedEof, text)))
            }
            Ok(_) => Ok(()),
            Err(error) => Err(Error::io(error)),
        }
    }
}

/// Returns the mechanism of a login and its response.
fn credentials(login: &Login) -> Result<(&'static str, Vec<u8>), Error> {
    Ok(match login {
        Login::Plain { user, password } => ("PLAIN", format!("\0{user}\0{password}").into_bytes()),
        Login::AmqPlain { user, password } => {
            let mut table = FieldTable::new();
            table.insert("LOGIN", Field::Text(user))?;
            table.insert("PASSWORD", Field::Text(password))?;
            ("AMQPLAIN", table.as_bytes().to_vec())
        }
        Login::External => ("EXTERNAL", Vec::new()),
    })
}

/// Combines the wishes of both sides. Zero stands for no limit, and for no heartbeat.
fn agree(options: &Options, channel_max: u16, frame_max: u32, heartbeat: u16) -> Tuning {
    let wanted = match options.frame_max {
        0 => 0,
        bytes => bytes.max(MIN_FRAME),
    };
    let agreed = smaller(wanted, frame_max);
    let limit = |bytes: u32| if bytes == 0 { MAX_FRAME } else { bytes };
    // A content header is not split, so the broker may send one that another publisher made as large as the broker allows.
    let received = limit(agreed).max(limit(frame_max));
    let channels = match smaller(options.channel_max, channel_max) {
        0 => u16::MAX,
        limit => limit,
    };
    Tuning {
        channel_max: channels,
        max_payload: (limit(agreed) as usize).saturating_sub(OVERHEAD),
        max_received: received as usize,
        heartbeat: smaller(seconds(options.heartbeat), heartbeat),
        frame_max: agreed,
    }
}

fn seconds(heartbeat: Duration) -> u16 {
    u16::try_from(heartbeat.as_secs()).unwrap_or(u16::MAX)
}

/// Returns the smaller of two limits, where zero stands for none.
fn smaller<T: Ord + Default + Copy>(one: T, other: T) -> T {
    if one == T::default() || other == T::default() { one.max(other) } else { one.min(other) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smaller_limit_is_agreed_on_and_zero_is_none() {
        let login = Login::External;
        let ours = |frame_max, channel_max, heartbeat| Options {
            frame_max,
            channel_max,
            heartbeat: Duration::from_secs(heartbeat),
            ..Options::new(login.clone())
        };
        let agreed = |options: &Options, channel_max, frame_max, heartbeat| {
            let it = agree(options, channel_max, frame_max, heartbeat);
            (it.channel_max, it.frame_max, it.heartbeat, it.max_payload)
        };
        let options = ours(32_768, 100, 10);
        assert_eq!(agreed(&options, 2047, 131_072, 60), (100, 32_768, 10, 32_760));
        assert_eq!(agreed(&options, 0, 0, 0), (100, 32_768, 10, 32_760));
        assert_eq!(agreed(&options, 5, 8192, 3), (5, 8192, 3, 8184));
        let options = ours(0, 0, 0);
        assert_eq!(agreed(&options, 0, 0, 0), (65_535, 0, 0, 16_777_208));
        let options = ours(1, 1, 100_000);
        assert_eq!(agreed(&options, 0, 0, 0), (1, 4096, 65_535, 4088));
    }

    #[test]
    fn a_frame_of_the_brokers_own_limit_is_accepted() {
        let options = Options { frame_max: 8192, ..Options::new(Login::External) };
        assert_eq!(agree(&options, 0, 131_072, 0).max_received, 131_072);
        assert_eq!(agree(&options, 0, 0, 0).max_received, MAX_FRAME as usize);
    }
}
