//! The errors that pass through layers.

use std::error::Error;
use std::fmt;

use crate::error::{CallError, Ran};

/// Any error, as tower's middleware reports it.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// The error of a call that got no reply, as the layers of a client see it.
///
/// A layer gets it as a [`BoxError`]. When the layer returns it unchanged, the caller gets the [`CallError`] inside.
/// A failure that a server replied with is not an error here but an [outcome](super::RpcResponse::outcome).
///
/// ```
/// use rpc_core::layer::{BoxError, InnermostError, Next, RpcRequest, RpcResponse};
///
/// async fn count_timeouts(call: RpcRequest, next: Next) -> Result<RpcResponse, BoxError> {
///     let response = next.run(call).await;
///     if let Err(error) = &response
///         && let Some(error) = error.downcast_ref::<InnermostError>()
///         && error.call_error().is_timeout()
///     {
///         println!("timed out, ran: {}", error.ran());
///     }
///     response
/// }
/// ```
#[derive(Debug)]
pub struct InnermostError(Box<CallError>);

impl InnermostError {
    pub(crate) fn new(error: CallError) -> Self {
        Self(Box::new(error))
    }

    pub(crate) fn into_call_error(self) -> CallError {
        *self.0
    }

    /// Returns the error of the call.
    #[must_use]
    pub fn call_error(&self) -> &CallError {
        &self.0
    }

    /// Returns whether the method ran.
    #[must_use]
    pub fn ran(&self) -> Ran {
        self.0.ran()
    }

    /// Returns whether the same call may be sent again without running twice, and could succeed then.
    #[must_use]
    pub fn may_retry(&self) -> bool {
        self.0.may_retry()
    }
}

impl fmt::Display for InnermostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for InnermostError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}
