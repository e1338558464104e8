//! The guard around a message in work.
//!
//! Whatever happens on the way (a panic, a cut-off, a future that is dropped), it sees to it that an acknowledged request
//! gets exactly one attempt at a final reply, and that one which was not acknowledged goes back to the broker.

use std::sync::Arc;

use super::worker::Worker;
use crate::maybe_ready::MaybeReady;
use crate::message::{Failure, FailureKind, MessageId, Outcome, Request};
use crate::outside::Outside;
use crate::transport::{AckError, Delivery, ReplyError};

/// A permit to run one message.
pub(super) struct Slot {
    pub(super) worker: Arc<Worker>,
}

impl Slot {
    /// Takes a slot that [is free](super::slots::Slots::poll_free).
    pub(super) fn take(worker: &Arc<Worker>) -> Self {
        worker.slots.take();
        Self { worker: Arc::clone(worker) }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.worker.slots.release();
    }
}

/// A message in work.
pub(super) struct Incoming<'a> {
    pub(super) delivery: Box<dyn Delivery>,
    /// Acknowledged, or about to be, wants a reply, has none yet.
    pub(super) owes_reply: bool,
    pub(super) worker: &'a Arc<Worker>,
}

impl<'a> Incoming<'a> {
    pub(super) fn new(delivery: Box<dyn Delivery>, worker: &'a Arc<Worker>) -> Self {
        Self { delivery, owes_reply: false, worker }
    }

    pub(super) fn request(&self) -> &Arc<Request> {
        self.delivery.request()
    }

    /// What the log says of the message.
    pub(super) fn names(&self) -> (MessageId, Outside<'_>) {
        let request = self.request();
        (request.id, Outside(&request.method))
    }

    #[cold]
    pub(super) fn note_failed_acknowledgement(&self, error: &AckError) {
        self.worker.counters.failed_acks.add_one();
        let (id, method) = self.names();
        tracing::error!(
            target: "rpc_core::server",
            %id,
            %method,
            %error,
            "cannot acknowledge the message, it is skipped"
        );
    }

    pub(super) fn reply(&mut self, outcome: Outcome) -> MaybeReady<Result<(), ReplyError>> {
        self.owes_reply = false;
        self.delivery.reply(outcome)
    }
}

impl Drop for Incoming<'_> {
    fn drop(&mut self) {
        if !self.owes_reply {
            return;
        }
        self.worker.counters.interrupted.add_one();
        let (id, method) = self.names();
        tracing::warn!(
            target: "rpc_core::server",
            %id,
            %method,
            "cut off; the caller is told that it may have run"
        );
        let reply = self.reply(Err(interrupted("the server stopped before it had answered")));
        let MaybeReady::Pending(reply) = reply else {
            if let MaybeReady::Ready(Some(Err(error))) = reply {
                self.worker.note_failed_reply(self.request(), &error);
            }
            return;
        };
        // Nobody is left to wait for a reply that takes its time; without a runtime it is lost.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (worker, request) = (Arc::clone(self.worker), Arc::clone(self.request()));
            runtime.spawn(async move {
                if let Err(error) = reply.await {
                    worker.note_failed_reply(&request, &error);
                }
            });
        }
    }
}

pub(super) fn interrupted(why: &str) -> Failure {
    Failure::new(FailureKind::Interrupted, "Interrupted", why)
}
