//! Asks a server to stop.

use std::fmt;

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Stops a server from anywhere: another task, a signal handler, one of the server's own methods.
///
/// The handle exists before the server is built, so that an endpoint can own it. Cloning is cheap.
///
/// ```
/// use rpc_core::{Context, StopHandle, endpoint};
///
/// struct Admin(StopHandle);
///
/// #[endpoint]
/// impl Admin {
///     /// The caller still gets a reply.
///     pub fn shut_down(&self, _ctx: &Context) {
///         self.0.stop();
///     }
/// }
///
/// # fn example(builder: rpc_core::server::ServerBuilder) -> rpc_core::server::ServerBuilder {
/// let stop = builder.stop_handle();
/// builder.endpoint(Admin(stop))
/// # }
/// ```
#[derive(Clone, Default)]
pub struct StopHandle(CancellationToken);

impl StopHandle {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Asks the server to stop: it consumes no further messages, finishes those it has, and ends.
    ///
    /// Returns at once. Does nothing when the server was asked before. Called inside a method, the reply to that call
    /// is still sent. Called before the server starts, the server ends as soon as it is started.
    pub fn stop(&self) {
        self.0.cancel();
    }

    /// Returns whether the server was asked to stop.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits until the server is asked to stop. Resolves at once when it was asked already.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is lost when the future is dropped.
    pub async fn stopped(&self) {
        self.0.cancelled().await;
    }

    pub(super) fn stopped_owned(&self) -> WaitForCancellationFutureOwned {
        self.0.clone().cancelled_owned()
    }
}

impl fmt::Debug for StopHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StopHandle").field("stopped", &self.is_stopped()).finish()
    }
}
