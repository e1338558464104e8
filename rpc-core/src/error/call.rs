//! The error of a call.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;

use super::{CallInfo, Rejected, RemoteError, Timeout, TransportError, TransportErrorKind};
use crate::message::Ran;

/// The error of a call.
///
/// `E` is the generated enum of the method's expected errors. It is [`Infallible`] if there are
/// none, and for casts.
///
/// ```
/// use rpc_core::error::{CallError, Ran};
///
/// fn advice(error: &CallError) -> &'static str {
///     match (error.ran(), error.may_retry()) {
///         (_, true) => "retry",
///         (Ran::Unknown, _) => "retry if the method is idempotent",
///         _ => "do not retry",
///     }
/// }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum CallError<E = Infallible> {
    /// The method failed with one of its expected errors.
    Expected(E),
    /// The method failed with another error, or panicked.
    Remote(RemoteError),
    /// The client or the server rejected the call before the method ran.
    Rejected(Rejected),
    /// The request or its reply was not delivered.
    Transport(TransportError),
    /// The call timed out.
    Timeout(Timeout),
}

impl<E> CallError<E> {
    /// Returns whether the method ran.
    #[must_use]
    pub fn ran(&self) -> Ran {
        match self {
            Self::Expected(_) => Ran::Yes,
            Self::Remote(error) => error.ran(),
            Self::Rejected(error) => error.ran(),
            Self::Transport(error) => error.ran(),
            Self::Timeout(error) => error.ran(),
        }
    }

    /// Returns whether a retry is safe: the method certainly did not run, and a retry may succeed.
    #[must_use]
    pub fn may_retry(&self) -> bool {
        match self {
            Self::Expected(_) | Self::Remote(_) | Self::Rejected(_) => false,
            Self::Transport(error) => error.may_retry(),
            Self::Timeout(error) => error.may_retry(),
        }
    }

    /// Returns whether the call timed out.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout(_))
    }

    /// Returns whether no server consumes from the target.
    #[must_use]
    pub fn is_missing_server(&self) -> bool {
        matches!(self, Self::Transport(error) if error.kind() == TransportErrorKind::MissingServer)
    }

    /// Returns information about the call. `None` for [`CallError::Expected`].
    #[must_use]
    pub fn info(&self) -> Option<&CallInfo> {
        match self {
            Self::Expected(_) => None,
            Self::Remote(error) => Some(error.info()),
            Self::Rejected(error) => Some(error.info()),
            Self::Transport(error) => Some(error.info()),
            Self::Timeout(error) => Some(error.info()),
        }
    }
}

impl CallError {
    /// Converts the error into the error type of a method with expected errors.
    #[must_use]
    pub fn widen<E>(self) -> CallError<E> {
        match self {
            Self::Expected(never) => match never {},
            Self::Remote(error) => CallError::Remote(error),
            Self::Rejected(error) => CallError::Rejected(error),
            Self::Transport(error) => CallError::Transport(error),
            Self::Timeout(error) => CallError::Timeout(error),
        }
    }
}

impl<E: fmt::Display> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expected(error) => error.fmt(f),
            Self::Remote(error) => error.fmt(f),
            Self::Rejected(error) => error.fmt(f),
            Self::Transport(error) => error.fmt(f),
            Self::Timeout(error) => error.fmt(f),
        }
    }
}

impl<E: Error + 'static> Error for CallError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Expected(error) => error.source(),
            Self::Remote(_) | Self::Rejected(_) | Self::Timeout(_) => None,
            Self::Transport(error) => error.source(),
        }
    }
}
