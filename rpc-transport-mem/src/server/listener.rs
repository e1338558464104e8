//! A server's ear.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use rpc_core::transport::{Delivery, ListenError, Listener};
use rpc_core::{BoxFuture, MaybeReady};

use crate::faults::Fault;
use crate::topic::{Seat, Topic};

/// What a listener and its deliveries share: it keeps their queues at their places until the last delivery is done.
pub(crate) struct Subscription {
    pub(crate) topic: Arc<Topic>,
    seat: Seat,
    /// Nothing delivered before can be acknowledged: a fault.
    crashed: AtomicBool,
}

impl Subscription {
    pub(crate) fn has_crashed(&self) -> bool {
        self.crashed.load(Ordering::Relaxed)
    }
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
        let crashed = AtomicBool::new(false);
        Self { subscription: Arc::new(Subscription { topic, seat, crashed }), taking: true }
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
        let Some((queue, message)) = ready!(subscription.topic.take(subscription.seat, cx)) else {
            return Poll::Ready(None);
        };
        let delivery = message.deliver(subscription, queue);
        if let Some(faults) = &subscription.topic.faults
            && faults.strikes(Fault::CrashListener, delivery.request.id).is_some()
        {
            subscription.crashed.store(true, Ordering::Relaxed);
            drop(delivery);
            self.leave();
            return Poll::Ready(None);
        }
        Poll::Ready(Some(Ok(delivery)))
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
