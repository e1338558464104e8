//! One message in a server's hands.

use std::sync::Arc;

use rpc_core::transport::{AckError, Delivery, ReplyError};
use rpc_core::waiters::Waiters;
use rpc_core::{Eventual, Outcome, Request};

use crate::faults::Fault;
use crate::listener::Subscription;
use crate::message::Message;

pub(crate) struct MemDelivery {
    subscription: Arc<Subscription>,
    /// What goes back to the queue if the delivery is dropped before it was acknowledged.
    message: Message,
    queue: usize,
    epoch: u64,
    settled: bool,
}

impl MemDelivery {
    pub(crate) fn new(subscription: Arc<Subscription>, queue: usize, message: Message) -> Self {
        let epoch = subscription.topic.epoch();
        Self { subscription, message, queue, epoch, settled: false }
    }

    fn is_struck_by(&self, fault: Fault) -> bool {
        let faults = self.subscription.topic.faults.as_ref();
        faults.is_some_and(|faults| faults.strikes(fault, self.message.request.id).is_some())
    }

    /// Why it cannot be acknowledged any more.
    fn is_lost(&self) -> Option<&'static str> {
        if !self.subscription.topic.is_current(self.epoch) {
            Some("the broker was restarted or closed after it had delivered the message")
        } else if self.subscription.has_crashed() {
            Some("the listener crashed after the message had been delivered to it")
        } else if self.is_struck_by(Fault::FailAcknowledge) {
            Some("the broker did not take it, as a test had asked")
        } else {
            None
        }
    }

    fn waiters(&self) -> &Waiters {
        &self.subscription.topic.waiters
    }
}

impl Delivery for MemDelivery {
    fn request(&self) -> &Arc<Request> {
        &self.message.request
    }

    fn redelivered(&self) -> bool {
        self.message.redelivered
    }

    fn acknowledge(&mut self) -> Eventual<Result<(), AckError>> {
        if self.settled {
            return Eventual::ready(Ok(()));
        }
        if let Some(reason) = self.is_lost() {
            return Eventual::ready(Err(AckError::new(reason)));
        }
        self.settled = true;
        self.subscription.topic.settle();
        Eventual::ready(Ok(()))
    }

    fn requeue(self: Box<Self>) {}

    fn heartbeat(&mut self) -> Eventual<Result<(), ReplyError>> {
        if let Some(caller) = self.message.caller {
            self.waiters().heartbeat(caller);
        }
        Eventual::ready(Ok(()))
    }

    fn finish(&mut self, outcome: Outcome) -> Eventual<Result<(), ReplyError>> {
        let Some(caller) = self.message.caller else { return Eventual::ready(Ok(())) };
        if self.is_struck_by(Fault::FailReply) {
            let reason = "the broker did not take it, as a test had asked";
            return Eventual::ready(Err(ReplyError::new(reason)));
        }
        if self.is_struck_by(Fault::DropReply) {
            return Eventual::ready(Ok(()));
        }
        if !self.waiters().complete(caller, outcome) {
            tracing::debug!(id = %self.message.request.id, method = %self.message.request.method,
                "an answer found nobody: its caller has gone");
        }
        Eventual::ready(Ok(()))
    }
}

impl Drop for MemDelivery {
    fn drop(&mut self) {
        if !self.settled {
            self.subscription.topic.give_back(self.queue, self.message.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_for_every_message_is_small() {
        assert!(size_of::<Message>() <= 40, "{}", size_of::<Message>());
        assert!(size_of::<MemDelivery>() <= 72, "{}", size_of::<MemDelivery>());
    }
}
