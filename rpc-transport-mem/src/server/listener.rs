use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rpc_core::transport::{Incoming, ListenError, Listener};
use rpc_core::{BoxFuture, MaybeReady};

use super::delivery::MemDelivery;
use super::subscription::Subscription;
use crate::faults::Fault;
use crate::topic::{ListenerId, Topic};

/// Consumes the messages of one server.
pub(crate) struct MemListener {
    subscription: Arc<Subscription>,
    consuming: bool,
}

impl MemListener {
    pub(crate) fn new(topic: Arc<Topic>, id: ListenerId) -> Self {
        Self { subscription: Arc::new(Subscription::new(topic, id)), consuming: true }
    }

    fn leave(&mut self) {
        if std::mem::take(&mut self.consuming) {
            self.subscription.topic.remove_listener(self.subscription.id);
        }
    }
}

impl Listener for MemListener {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Incoming, ListenError>>> {
        if !self.consuming {
            return Poll::Ready(None);
        }
        let Self { subscription, .. } = self;
        let Some((queue, message)) = ready!(subscription.topic.poll_next(subscription.id, cx))
        else {
            return Poll::Ready(None);
        };
        let id = message.request.id;
        let delivery = Box::new(MemDelivery::new(message, Arc::clone(subscription), queue));
        if subscription.injects(Fault::CrashListener, id) {
            subscription.crash();
            drop(delivery);
            self.leave();
            return Poll::Ready(None);
        }
        Poll::Ready(Some(Ok(Incoming::Delivery(delivery))))
    }

    fn acks_are_final(&self) -> bool {
        true
    }

    fn stop_consuming(&mut self) -> MaybeReady<()> {
        self.leave();
        MaybeReady::ready(())
    }

    fn close(mut self: Box<Self>) -> BoxFuture<'static, ()> {
        self.leave();
        Box::pin(std::future::ready(()))
    }
}

impl Drop for MemListener {
    fn drop(&mut self) {
        self.leave();
    }
}
