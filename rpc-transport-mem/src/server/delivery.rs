use std::sync::Arc;

use rpc_core::transport::{AckError, Delivery, QueueKind, ReplyError};
use rpc_core::{MaybeReady, Outcome, Request};

use super::subscription::Subscription;
use crate::faults::Fault;
use crate::queue::QueuedMessage;

/// A message delivered to a listener. It is requeued when it is dropped unacknowledged.
pub(super) struct MemDelivery {
    message: QueuedMessage,
    subscription: Arc<Subscription>,
    /// The index of the queue that it came from.
    queue: usize,
    epoch: u64,
    acked: bool,
}

impl MemDelivery {
    pub(super) fn new(
        message: QueuedMessage,
        subscription: Arc<Subscription>,
        queue: usize,
    ) -> Self {
        let epoch = subscription.topic.epoch();
        Self { message, subscription, queue, epoch, acked: false }
    }

    /// Returns why the message can no longer be acknowledged.
    fn lost(&self) -> Option<&'static str> {
        if self.subscription.topic.epoch() != self.epoch {
            Some("the broker was restarted or closed after it had delivered the message")
        } else if self.subscription.has_crashed() {
            Some("the listener crashed after the message had been delivered to it")
        } else {
            None
        }
    }

    fn injects(&self, fault: Fault) -> bool {
        self.subscription.injects(fault, self.message.request.id)
    }
}

impl Delivery for MemDelivery {
    fn request(&self) -> &Arc<Request> {
        &self.message.request
    }

    fn queue(&self) -> QueueKind {
        self.subscription.queue_kind(self.queue)
    }

    fn redelivered(&self) -> bool {
        self.message.redelivered
    }

    fn ack(&mut self) -> MaybeReady<Result<(), AckError>> {
        if self.acked {
            return MaybeReady::ready(Ok(()));
        }
        if let Some(reason) = self.lost() {
            return MaybeReady::ready(Err(AckError::new(reason)));
        }
        if self.injects(Fault::FailAck) {
            return MaybeReady::ready(Err(AckError::new("injected fault")));
        }
        self.acked = true;
        self.subscription.topic.count_settled();
        MaybeReady::ready(Ok(()))
    }

    fn still_running(&mut self) -> MaybeReady<Result<(), ReplyError>> {
        if let Some(caller) = self.message.caller {
            self.subscription.topic.broker.pending_calls.note_still_running(caller);
        }
        MaybeReady::ready(Ok(()))
    }

    fn reply(&mut self, outcome: Outcome) -> MaybeReady<Result<(), ReplyError>> {
        let Some(caller) = self.message.caller else { return MaybeReady::ready(Ok(())) };
        if self.injects(Fault::FailReply) {
            return MaybeReady::ready(Err(ReplyError::new("injected fault")));
        }
        if self.injects(Fault::DropReply) {
            return MaybeReady::ready(Ok(()));
        }
        if !self.subscription.topic.broker.pending_calls.complete(caller, outcome) {
            let Request { id, method, .. } = &**self.request();
            tracing::debug!(%id, %method, "dropped a reply: its call is no longer pending");
        }
        MaybeReady::ready(Ok(()))
    }
}

impl Drop for MemDelivery {
    fn drop(&mut self) {
        if !self.acked {
            self.subscription.topic.requeue(self.queue, self.message.clone());
        }
    }
}
