//! Errors, told apart so that a caller knows what to do next.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Why an operation, a channel or a connection failed. Cheap to clone, as it is reported to everybody whom it concerns.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Error {
    /// The broker closed the channel, or the connection, over an error.
    Broker(Arc<BrokerError>),
    /// The stream failed or ended.
    Io(Arc<io::Error>),
    /// Nothing came from the broker for longer than two heartbeat intervals. This is the interval.
    HeartbeatMissed(Duration),
    /// The other side does not speak AMQP 0-9-1.
    NotAmqp,
    /// The broker broke the protocol, and how.
    Protocol(Arc<str>),
    /// The broker offers no such way to log in. It offers these.
    NoSuchLogin(Arc<str>),
    /// This program closed the channel or the connection.
    Closed,
    /// The connection has as many channels as the broker grants.
    TooManyChannels(u16),
    /// Nothing was sent, as AMQP cannot carry an argument.
    InvalidArgument(InvalidArgument),
}

/// What the broker said when it closed a channel or a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BrokerError {
    /// Whether the whole connection is closed, not only the channel.
    pub closes_connection: bool,
    /// The reply code, as in `404 NOT_FOUND`.
    pub code: u16,
    /// The reason, with U+FFFD in place of bytes that are not UTF-8.
    pub text: String,
    /// The class of the method over which it was closed; 0: of none.
    pub class: u16,
    /// The method over which it was closed; 0: none.
    pub method: u16,
}

/// An argument that AMQP cannot carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidArgument {
    /// A name takes more than 255 bytes.
    NameTooLong {
        /// What is named.
        what: &'static str,
        /// How many bytes it takes.
        bytes: usize,
    },
    /// The properties do not fit into a frame of the size that was agreed on.
    PropertiesTooLarge {
        /// How many bytes they take.
        bytes: usize,
        /// How many fit.
        limit: usize,
    },
    /// The channel has a consumer of this tag already, or the tag is empty.
    ConsumerTag,
    /// At most zero messages may wait for their confirm.
    NoMessages,
}

impl Error {
    /// Returns what the broker said; `None` if it is not the broker's error.
    #[must_use]
    pub fn broker(&self) -> Option<&BrokerError> {
        match self {
            Self::Broker(error) => Some(error),
            _ => None,
        }
    }

    /// Returns whether the error ended one channel and not the connection.
    #[must_use]
    pub fn is_channel_error(&self) -> bool {
        self.broker().is_some_and(|error| !error.closes_connection)
    }

    /// Returns whether the broker closed a channel over this method.
    pub(crate) fn is_channel_error_of(&self, method: (u16, u16)) -> bool {
        let about = |error: &BrokerError| (error.class, error.method) == method;
        self.is_channel_error() && self.broker().is_some_and(about)
    }

    pub(crate) fn io(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }

    pub(crate) fn protocol(what: impl fmt::Display) -> Self {
        Self::Protocol(what.to_string().into())
    }
}

impl From<InvalidArgument> for Error {
    fn from(error: InvalidArgument) -> Self {
        Self::InvalidArgument(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broker(error) => error.fmt(f),
            Self::Io(error) => write!(f, "the connection failed: {error}"),
            Self::HeartbeatMissed(interval) => write!(
                f,
                "the broker sent nothing for two heartbeat intervals of {} s",
                interval.as_secs()
            ),
            Self::NotAmqp => f.write_str("the other side does not speak AMQP 0-9-1"),
            Self::Protocol(what) => write!(f, "the broker broke the protocol: {what}"),
            Self::NoSuchLogin(offered) => {
                write!(f, "the broker does not offer this way to log in, it offers: {offered}")
            }
            Self::Closed => f.write_str("closed by this program"),
            Self::TooManyChannels(limit) => {
                write!(f, "the connection has {limit} channels, and the broker grants no more")
            }
            Self::InvalidArgument(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for BrokerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scope = if self.closes_connection { "connection" } else { "channel" };
        write!(f, "the broker closed the {scope}: {} {}", self.code, self.text)?;
        match (self.class, self.method) {
            (0, _) => Ok(()),
            (class, method) => write!(f, " (method {class}.{method})"),
        }
    }
}

impl std::error::Error for BrokerError {}

impl fmt::Display for InvalidArgument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameTooLong { what, bytes } => {
                write!(f, "{what} takes {bytes} bytes, and AMQP takes 255")
            }
            Self::PropertiesTooLarge { bytes, limit } => {
                write!(f, "the properties take {bytes} bytes, and the broker takes {limit}")
            }
            Self::ConsumerTag => f.write_str("the consumer tag is empty or used already"),
            Self::NoMessages => f.write_str("at most zero unconfirmed messages means none at all"),
        }
    }
}

impl std::error::Error for InvalidArgument {}
