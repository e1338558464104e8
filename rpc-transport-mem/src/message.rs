//! What stands in a queue.

use std::sync::Arc;

use rpc_core::Request;
use rpc_core::waiters::WaiterKey;

/// One message: the caller's own request, never a copy of it, so that a caller that gives up is seen at once.
#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) request: Arc<Request>,
    /// Where the outcome goes; `None` for a cast.
    pub(crate) caller: Option<WaiterKey>,
    /// Whether some listener has held it before.
    pub(crate) redelivered: bool,
}

impl Message {
    pub(crate) fn new(request: Arc<Request>, caller: Option<WaiterKey>) -> Self {
        Self { request, caller, redelivered: false }
    }

    /// Nobody wants it any more: its caller has gone, or it is a cast whose time is up.
    ///
    /// A call whose time is up has lost its caller just then; so the clock is left alone for calls, which would pay for
    /// it one by one.
    pub(crate) fn is_stale(&self) -> bool {
        self.request.is_cancelled() || (self.caller.is_none() && self.request.is_expired())
    }
}
