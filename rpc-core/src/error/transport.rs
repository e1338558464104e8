//! Requests and replies that were not delivered.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::CallInfo;
use crate::message::Ran;

/// The kind of a transport error.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// No server consumes from the target.
    MissingServer,
    /// There is no connection, and none was established in time.
    Unavailable,
    /// The queue is full, or the server is overloaded.
    Overloaded,
    /// The message is larger than the limit of the transport.
    TooLarge,
    /// The message cannot be encoded in the format of the transport.
    Unencodable,
    /// The server received the request, but stopped before it replied.
    Interrupted,
    /// The reply cannot be decoded.
    MalformedReply,
    /// A tower layer of the client failed.
    Layer,
    /// The transport is closed.
    Closed,
}

/// The error with which a transport fails a call or a cast.
///
/// ```
/// use rpc_core::error::{Ran, SendError, TransportErrorKind};
///
/// let error = SendError::new(TransportErrorKind::MissingServer, Ran::No, "no server consumes from topic `bank`");
/// assert_eq!(error.to_string(), "no server consumes from topic `bank`");
/// ```
#[derive(Debug, Clone)]
pub struct SendError(Box<SendErrorInner>);

#[derive(Debug, Clone)]
struct SendErrorInner {
    kind: TransportErrorKind,
    ran: Ran,
    message: String,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl SendError {
    /// Creates an error.
    #[must_use]
    pub fn new(kind: TransportErrorKind, ran: Ran, message: impl Into<String>) -> Self {
        Self(Box::new(SendErrorInner { kind, ran, message: message.into(), source: None }))
    }

    /// Sets the source of the error.
    #[must_use]
    pub fn with_source(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }

    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(&self) -> TransportErrorKind {
        self.0.kind
    }

    /// Returns whether the method may have run.
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

/// A request or reply that was not delivered.
#[derive(Debug, Clone)]
pub struct TransportError(Box<TransportErrorInner>);

#[derive(Debug, Clone)]
struct TransportErrorInner {
    error: SendError,
    info: CallInfo,
}

impl TransportError {
    pub(crate) fn new(error: SendError, info: CallInfo) -> Self {
        Self(Box::new(TransportErrorInner { error, info }))
    }

    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(&self) -> TransportErrorKind {
        self.0.error.kind()
    }

    /// Returns whether the method ran.
    #[must_use]
    pub fn ran(&self) -> Ran {
        self.0.error.ran()
    }

    /// Returns whether a retry is safe: the method certainly did not run, and a retry may succeed.
    #[must_use]
    pub fn may_retry(&self) -> bool {
        let is_temporary = matches!(
            self.kind(),
            TransportErrorKind::MissingServer
                | TransportErrorKind::Unavailable
                | TransportErrorKind::Overloaded
        );
        is_temporary && self.ran() == Ran::No
    }

    /// Returns information about the call.
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
