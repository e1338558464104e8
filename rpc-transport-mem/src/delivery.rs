//! One message in a server's hands.

use std::sync::Arc;

use rpc_core::transport::{AckError, Delivery, ReplyError};
use rpc_core::waiters::Waiters;
use rpc_core::{Eventual, Outcome, Request};

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
        if !self.subscription.topic.is_current(self.epoch) {
            let reason = "the broker was restarted or closed after it had delivered the message, \
                          and will deliver it again";
            return Eventual::ready(Err(AckError::new(reason)));
        }
        if !std::mem::replace(&mut self.settled, true) {
            self.subscription.topic.settle();
        }
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
        if let Some(caller) = self.message.caller
            && !self.waiters().complete(caller, outcome)
        {
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
