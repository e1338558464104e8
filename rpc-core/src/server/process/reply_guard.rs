//! Guards a request while it runs.
//!
//! Whatever happens (a panic, an abort, a dropped future), an acknowledged request gets exactly one attempt at a final
//! reply, and an unacknowledged one goes back to the broker.

use std::sync::Arc;

use crate::maybe_ready::MaybeReady;
use crate::message::{Failure, FailureKind, Outcome, Request};
use crate::server::shared::ServerShared;
use crate::transport::delivery_memory::TakenMessage;
use crate::transport::{Delivery, ReplyError};

/// A request that is being processed.
pub(super) struct ReplyGuard<'a> {
    /// Dropped before the delivery, which returns the message: when that comes back, it is forgotten already.
    pub(super) taken: TakenMessage<'a>,
    pub(super) delivery: Box<dyn Delivery>,
    /// The request is acknowledged, or about to be, and wants a reply that was not sent yet.
    pub(super) owes_reply: bool,
    pub(super) shared: &'a Arc<ServerShared>,
}

impl<'a> ReplyGuard<'a> {
    pub(super) fn new(
        delivery: Box<dyn Delivery>,
        taken: TakenMessage<'a>,
        shared: &'a Arc<ServerShared>,
    ) -> Self {
        Self { delivery, taken, owes_reply: false, shared }
    }

    pub(super) fn request(&self) -> &Arc<Request> {
        self.delivery.request()
    }

    pub(super) fn reply(&mut self, outcome: Outcome) -> MaybeReady<Result<(), ReplyError>> {
        self.owes_reply = false;
        self.delivery.reply(outcome)
    }
}

impl Drop for ReplyGuard<'_> {
    fn drop(&mut self) {
        if !self.owes_reply {
            return;
        }
        self.shared.events.interrupted(self.request());
        let reply = self.reply(Err(interrupted("the server stopped before it replied")));
        let MaybeReady::Pending(reply) = reply else {
            if let MaybeReady::Ready(Some(Err(error))) = reply {
                self.shared.events.failed_reply(self.request(), &error);
            }
            return;
        };
        // A drop cannot wait for a pending reply, so a task does. Without a runtime the reply is lost.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (shared, request) = (Arc::clone(self.shared), Arc::clone(self.request()));
            runtime.spawn(async move {
                if let Err(error) = reply.await {
                    shared.events.failed_reply(&request, &error);
                }
            });
        }
    }
}

pub(super) fn interrupted(why: &str) -> Failure {
    Failure::new(FailureKind::Interrupted, "Interrupted", why)
}
