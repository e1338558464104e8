//! A message in a queue.

use std::sync::Arc;

use rpc_core::Request;
use rpc_core::pending_calls::CallKey;

/// A request on its way from a sender to a listener.
///
/// It is small enough to be moved through queues and locks. Only its delivery is allocated, once, so a message costs
/// one allocation of this crate.
#[derive(Clone)]
pub(crate) struct QueuedMessage {
    /// The caller's own request, never a copy of it: a cancelled call is seen at once.
    pub(crate) request: Arc<Request>,
    /// The pending call that the reply completes; `None` for a cast.
    pub(crate) caller: Option<CallKey>,
    /// Whether the message was delivered before.
    pub(crate) redelivered: bool,
}

impl QueuedMessage {
    pub(crate) fn new(request: Arc<Request>, caller: Option<CallKey>) -> Self {
        Self { request, caller, redelivered: false }
    }

    /// Returns whether the message is no longer wanted: its call was cancelled, or it is a cast that expired.
    ///
    /// The client cancels a call when its deadline passes, so a call needs no look at the clock, which costs more than
    /// the rest of this check.
    pub(crate) fn is_stale(&self) -> bool {
        self.request.is_cancelled() || (self.caller.is_none() && self.request.is_expired())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_cheap_to_move() {
        assert!(size_of::<QueuedMessage>() <= 40, "{}", size_of::<QueuedMessage>());
    }
}
