//! What stands in a queue.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use rpc_core::Request;
use rpc_core::pending_calls::CallKey;

use crate::server::delivery::Holding;

/// One message, from the sender's hands to a server's: boxed once, so that on its way through queues and locks nothing
/// moves but a pointer.
#[derive(Clone)]
pub(crate) struct Message(pub(crate) Box<Letter>);

/// What a message is. A server holds it as its delivery.
pub(crate) struct Letter {
    /// The caller's own request, never a copy of it, so that a caller that gives up is seen at once.
    pub(crate) request: Arc<Request>,
    /// Where the outcome goes; `None` for a cast.
    pub(crate) caller: Option<CallKey>,
    /// Whether some listener has held it before.
    pub(crate) redelivered: bool,
    /// Who holds it; `None` in a queue.
    pub(crate) holding: Option<Holding>,
}

impl Message {
    pub(crate) fn new(request: Arc<Request>, caller: Option<CallKey>) -> Self {
        Self(Box::new(Letter { request, caller, redelivered: false, holding: None }))
    }

    /// Nobody wants it any more: its caller has gone, or it is a cast whose time is up.
    ///
    /// A call whose time is up has lost its caller just then; so the clock is left alone for calls, which would pay for
    /// it one by one.
    pub(crate) fn is_stale(&self) -> bool {
        self.request.is_cancelled() || (self.caller.is_none() && self.request.is_expired())
    }
}

impl Deref for Message {
    type Target = Letter;

    fn deref(&self) -> &Letter {
        &self.0
    }
}

impl DerefMut for Message {
    fn deref_mut(&mut self) -> &mut Letter {
        &mut self.0
    }
}

/// The same message once more, held by nobody.
impl Clone for Letter {
    fn clone(&self) -> Self {
        let Self { request, caller, redelivered, .. } = self;
        Self {
            request: Arc::clone(request),
            caller: *caller,
            redelivered: *redelivered,
            holding: None,
        }
    }
}
