//! Messages that did not get through.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::CallInfo;
use crate::message::Ran;

/// What went wrong between caller and server.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// Nobody serves the target.
    MissingServer,
    /// There is no connection, and none came about in time.
    Unavailable,
    /// The message was turned away: the queue, or the server, is full.
    Overloaded,
    /// The message is larger than the transport takes.
    TooLarge,
    /// The message cannot be written in the form that the transport sends.
    Unencodable,
    /// The server took the message and was gone before it answered.
    Interrupted,
    /// An answer came that cannot be read.
    MalformedReply,
    /// A tower layer of the client ended the call with an error of its own.
    Layer,
    /// The transport has been closed.
    Closed,
}

/// A transport's own error: why a message did not get through, and whether it may have run all the same.
///
/// ```
/// use rpc_core::error::{Ran, SendError, TransportErrorKind};
///
/// let error = SendError::new(TransportErrorKind::MissingServer, Ran::No, "no server listens on topic `bank`");
/// assert_eq!(error.to_string(), "no server listens on topic `bank`");
/// ```
#[derive(Debug, Clone)]
pub struct SendError(Box<SendParts>);

#[derive(Debug, Clone)]
struct SendParts {
    kind: TransportErrorKind,
    ran: Ran,
    message: String,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl SendError {
    /// An error of the given kind.
    #[must_use]
    pub fn new(kind: TransportErrorKind, ran: Ran, message: impl Into<String>) -> Self {
        Self(Box::new(SendParts { kind, ran, message: message.into(), source: None }))
    }

    /// Adds what caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> TransportErrorKind {
        self.0.kind
    }

    /// Whether the message may have run all the same.
    #[must_use]
    pub fn ran(&self) -> Ran {
        self.0.ran
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl Error for SendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// A call's message or its answer did not get through.
#[derive(Debug, Clone)]
pub struct TransportError(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    error: SendError,
    info: CallInfo,
}

impl TransportError {
    pub(crate) fn new(error: SendError, info: CallInfo) -> Self {
        Self(Box::new(Parts { error, info }))
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> TransportErrorKind {
        self.0.error.kind()
    }

    /// Whether the method ran.
    #[must_use]
    pub fn ran(&self) -> Ran {
        self.0.error.ran()
    }

    /// Whether the same call may be sent again without running twice, and could fare better.
    #[must_use]
    pub fn may_retry(&self) -> bool {
        let passing = matches!(
            self.kind(),
            TransportErrorKind::MissingServer
                | TransportErrorKind::Unavailable
                | TransportErrorKind::Overloaded
        );
        passing && self.ran() == Ran::No
    }

    /// Which call it was.
    #[must_use]
    pub fn info(&self) -> &CallInfo {
        &self.0.info
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} (ran: {})", self.0.info, self.0.error, self.ran())
    }
}

impl Error for TransportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.error.source()
    }
}
