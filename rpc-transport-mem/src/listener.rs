//! A server's ear.

use std::sync::Arc;
use std::task::{Context, Poll};

use rpc_core::transport::{Delivery, ListenError, Listener};
use rpc_core::{BoxFuture, Eventual};

use crate::delivery::MemDelivery;
use crate::topic::{Seat, Topic};

/// What a listener and its deliveries share: it keeps their queues at their places until the last delivery is done.
pub(crate) struct Subscription {
    pub(crate) topic: Arc<Topic>,
    seat: Seat,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.topic.release(self.seat.queues);
    }
}

pub(crate) struct MemListener {
    subscription: Arc<Subscription>,
    taking: bool,
}

impl MemListener {
    pub(crate) fn new(topic: Arc<Topic>, seat: Seat) -> Self {
        Self { subscription: Arc::new(Subscription { topic, seat }), taking: true }
    }

    fn leave(&mut self) {
        if std::mem::take(&mut self.taking) {
            self.subscription.topic.leave(self.subscription.seat);
        }
    }
}

impl Listener for MemListener {
    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Box<dyn Delivery>, ListenError>>> {
        if !self.taking {
            return Poll::Ready(None);
        }
        let subscription = &self.subscription;
        subscription.topic.take(subscription.seat, cx).map(|taken| {
            let (queue, message) = taken?;
            let delivery = MemDelivery::new(Arc::clone(subscription), queue, message);
            Some(Ok(Box::new(delivery) as Box<dyn Delivery>))
        })
    }

    fn stop_taking(&mut self) -> Eventual<()> {
        self.leave();
        Eventual::ready(())
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
