//! Connections: the handshake, the task that reads and writes, and the handles of a connection and its channels.

mod channel;
mod dispatch;
mod driver;
mod handshake;
mod heartbeat;
mod outgoing;
mod publish;
mod shared;

use std::fmt;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{oneshot, watch};

pub use self::channel::Channel;
use self::driver::Driver;
pub use self::publish::{ConfirmFuture, Publish};
use self::shared::{Phase, Shared};
use crate::channel::request::{Expected, Request};
use crate::wire::client_method::ClientMethod;
use crate::{Error, Options};

/// A connection to a broker.
///
/// A task of its own reads and writes. It ends with the connection. Dropping the handle closes the connection in an orderly way,
/// in the background.
///
/// ```no_run
/// use rpc_amqp::{Connection, Login, Options};
/// use tokio::net::TcpStream;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let stream = TcpStream::connect("localhost:5672").await?;
/// stream.set_nodelay(true)?;
/// let login = Login::Plain { user: "guest".into(), password: "guest".into() };
/// let connection = Connection::open(stream, &Options::new(login)).await?;
/// let channel = connection.open_channel().await?;
/// # drop(channel);
/// connection.close(200, "goodbye").await?;
/// # Ok(())
/// # }
/// ```
pub struct Connection {
    shared: Arc<Shared>,
}

impl Connection {
    /// Opens a connection over a stream, such as TCP or TLS.
    ///
    /// # Errors
    ///
    /// Fails if the other side does not speak AMQP 0-9-1, the broker refuses the login (403) or the virtual host (530), or the stream
    /// fails. Waits for the broker without a limit: give it one with [`timeout`](tokio::time::timeout).
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with a timer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the stream.
    pub async fn open<S>(mut stream: S, options: &Options) -> Result<Self, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (tuning, input) = handshake::handshake(&mut stream, options).await?;
        let shared = Shared::new(tuning);
        let driver = Driver::new(stream, input, Arc::clone(&shared), options.max_body);
        tokio::spawn(driver.run());
        Ok(Self { shared })
    }

    /// Opens a channel.
    ///
    /// # Errors
    ///
    /// Fails if the connection is closed, or has as many channels as the broker grants.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the channel.
    pub async fn open_channel(&self) -> Result<Channel, Error> {
        Channel::open(&self.shared).await
    }

    /// Returns whether the connection is open: neither side has begun to close it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.shared.is_open()
    }

    /// Waits until the connection is closed, and returns why.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is consumed by waiting.
    pub async fn closed(&self) -> Error {
        let mut closed = self.shared.closed.subscribe();
        // The sender is as old as the connection.
        let _ = closed.wait_for(|closed| *closed).await;
        self.shared.error()
    }

    /// Returns why the broker has blocked the connection, now and whenever it changes; `None` while it is not blocked.
    ///
    /// A broker that runs out of memory or disk reads nothing from connections that publish.
    #[must_use]
    pub fn blocked(&self) -> watch::Receiver<Option<Arc<str>>> {
        self.shared.blocked.subscribe()
    }

    /// Returns whether the broker has blocked the connection.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.shared.blocked.borrow().is_some()
    }

    /// Replaces the secret of the login, such as a token that expires.
    ///
    /// # Errors
    ///
    /// Fails if the connection is closed. The broker closes it if it refuses the secret.
    ///
    /// # Cancel safety
    ///
    /// Dropped after its first poll, the secret is replaced all the same.
    pub async fn update_secret(&self, secret: &str, reason: &str) -> Result<(), Error> {
        let (request, answer) = Request::new(Expected::UpdateSecret);
        self.shared.change(|state| {
            if state.phase != Phase::Open {
                return Err(self.shared.error());
            }
            state.send(0, &ClientMethod::UpdateSecret { secret, reason });
            state.requests.push(request);
            Ok(())
        })?;
        answer.await.unwrap_or_else(|_| Err(self.shared.error())).map(drop)
    }

    /// Closes the connection and waits until the broker has confirmed it, or for 5 s.
    ///
    /// # Errors
    ///
    /// Fails if it was closed over an error before.
    ///
    /// # Cancel safety
    ///
    /// Dropped after its first poll, the connection is closed all the same.
    pub async fn close(&self, code: u16, text: &str) -> Result<(), Error> {
        self.shared.begin_close(code, text);
        match self.closed().await {
            Error::Closed => Ok(()),
            error => Err(error),
        }
    }

    /// Ends the connection without a word to the broker, as when it is known to be dead. A moment later its task tells everybody who
    /// waits, and closes the stream.
    pub fn abort(&self) {
        self.shared.abort();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.shared.begin_close(200, "no longer used");
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("is_open", &self.is_open()).finish_non_exhaustive()
    }
}

impl Shared {
    fn is_open(&self) -> bool {
        self.phase() == Phase::Open
    }

    /// Begins to close the connection in an orderly way.
    fn begin_close(&self, code: u16, text: &str) {
        self.change(|state| {
            if state.phase == Phase::Open {
                state.send(0, &ClientMethod::ConnectionClose { code, text });
                state.phase = Phase::Closing;
            }
        });
    }
}

/// What a request's answer is received by.
type AnswerReceiver = oneshot::Receiver<Result<crate::channel::request::Answer, Error>>;
