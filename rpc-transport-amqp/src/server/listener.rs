//! A server's side of the seam: what it takes, and how it answers.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rpc_core::transport::{Delivery, ListenError, Listener};
use rpc_core::{BoxFuture, Failure, FailureKind, MaybeReady};
use tokio::sync::{mpsc, oneshot};

use crate::AmqpTransport;
use crate::hub::Hub;
use crate::server::consume_loop::Order;
use crate::server::delivery::AmqpDelivery;
use crate::server::prefetch::{Held, Window};
use crate::wire::{self, Illegible};

pub(crate) struct AmqpListener {
    /// A server keeps its transport open, though nobody else may have a handle on it.
    _transport: AmqpTransport,
    hub: Arc<Hub>,
    window: Arc<Window>,
    orders: mpsc::UnboundedSender<Order>,
}

impl AmqpListener {
    pub(crate) fn new(
        transport: AmqpTransport,
        hub: Arc<Hub>,
        window: Arc<Window>,
        orders: mpsc::UnboundedSender<Order>,
    ) -> Self {
        Self { _transport: transport, hub, window, orders }
    }

    /// Does what is asked of the pump; when the future is done, the pump has done it, or is gone.
    fn order(&self, order: fn(oneshot::Sender<()>) -> Order) -> impl Future<Output = ()> + 'static {
        let (done, when_done) = oneshot::channel();
        let _ = self.orders.send(order(done));
        async move { drop(when_done.await) }
    }

    fn delivery(&self, held: Held) -> Option<Box<dyn Delivery>> {
        let delivery = &held.delivery;
        match wire::read_request(&delivery.properties, &delivery.data, held.since, &self.hub.limits)
        {
            Ok(arrived) => Some(Box::new(AmqpDelivery::new(&self.hub, &held, arrived))),
            Err(illegible) => {
                self.refuse(&held, illegible);
                None
            }
        }
    }

    /// A message that nobody can read goes, and its caller is told, where there is a way back.
    #[cold]
    fn refuse(&self, held: &Held, Illegible { reason, back }: Illegible) {
        tracing::warn!(%reason, "dropped a message that cannot be read");
        held.ear.reject(held.tag());
        let Some(back) = back else { return };
        let failure = Failure::new(FailureKind::Malformed, "Malformed", reason);
        let answer = wire::answer(&back, None, Err(failure));
        if let MaybeReady::Pending(sent) = self.hub.answer(answer, None) {
            self.hub.tasks.spawn(sent);
        }
    }
}

impl Listener for AmqpListener {
    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Box<dyn Delivery>, ListenError>>> {
        loop {
            let Some(held) = ready!(self.window.poll_take(cx)) else { return Poll::Ready(None) };
            // Of a connection that is gone: the broker delivers it again.
            if !held.ear.is_open() {
                continue;
            }
            if let Some(delivery) = self.delivery(held) {
                return Poll::Ready(Some(Ok(delivery)));
            }
        }
    }

    fn stop_consuming(&mut self) -> MaybeReady<()> {
        MaybeReady::pending(self.order(Order::Stop))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(self.order(Order::Close))
    }
}
