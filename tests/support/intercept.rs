//! A transport that forwards everything to another one, except where a test observes or changes it.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rpc_core::error::SendError;
use rpc_core::transport::{
    AckError, Capabilities, ConnectionState, Delivery, EncodedDelivery, Incoming, Listen,
    ListenError, Listener, QueueKind, ReplyError, Route, Sent,
};
use rpc_core::{BoxFuture, Codec, MaybeReady, MessageId, Outcome, Request, Transport};
use tokio::sync::watch;

/// The result of polling a listener.
pub type Next = Option<Result<Incoming, ListenError>>;

/// The hooks of an [`Intercepted`] transport. Those that are not overridden pass on to the inner transport.
pub trait Intercept: Clone + Send + Sync + 'static {
    /// What is kept of a delivery until its server drops it.
    type Kept: Send + 'static;

    /// Runs when a delivery reaches a server.
    fn delivered(&self, delivery: &dyn Delivery) -> Self::Kept;

    /// Sends a request.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Transport::send`].
    fn send(
        &self,
        inner: &dyn Transport,
        route: &Route,
        request: Arc<Request>,
    ) -> Result<Sent, SendError> {
        inner.send(route, request)
    }

    /// Polls for the next delivery.
    fn poll_next(&self, inner: &mut dyn Listener, cx: &mut Context<'_>) -> Poll<Next> {
        inner.poll_next(cx)
    }

    /// Acknowledges a delivery.
    fn ack(
        &self,
        _kept: &Self::Kept,
        inner: &mut dyn Delivery,
    ) -> MaybeReady<Result<(), AckError>> {
        inner.ack()
    }

    /// Sends a still-running message to a monitored caller.
    fn still_running(
        &self,
        _kept: &Self::Kept,
        inner: &mut dyn Delivery,
    ) -> MaybeReady<Result<(), ReplyError>> {
        inner.still_running()
    }

    /// Replies to the caller.
    fn reply(
        &self,
        _kept: &Self::Kept,
        inner: &mut dyn Delivery,
        outcome: Outcome,
    ) -> MaybeReady<Result<(), ReplyError>> {
        inner.reply(outcome)
    }
}

/// A transport with hooks.
#[derive(Clone)]
pub struct Intercepted<I> {
    inner: Arc<dyn Transport>,
    hooks: I,
}

impl<I: Intercept> Intercepted<I> {
    /// Wraps a transport with the hooks.
    pub fn over(inner: impl Into<Arc<dyn Transport>>, hooks: I) -> Self {
        Self { inner: inner.into(), hooks }
    }

    /// Returns the hooks.
    pub fn hooks(&self) -> &I {
        &self.hooks
    }
}

impl<I> fmt::Debug for Intercepted<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Intercepted").finish_non_exhaustive()
    }
}

impl<I: Intercept> From<Intercepted<I>> for Arc<dyn Transport> {
    fn from(intercepted: Intercepted<I>) -> Self {
        Arc::new(intercepted) as Self
    }
}

impl<I: Intercept> Transport for Intercepted<I> {
    fn codec(&self) -> Codec {
        self.inner.codec()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn send(&self, route: &Route, request: Arc<Request>) -> Result<Sent, SendError> {
        self.hooks.send(&*self.inner, route, request)
    }

    fn listen(&self, listen: Listen) -> BoxFuture<'_, Result<Box<dyn Listener>, ListenError>> {
        Box::pin(async move {
            let inner = self.inner.listen(listen).await?;
            let hooks = self.hooks.clone();
            Ok(Box::new(InterceptedListener { inner, hooks }) as Box<dyn Listener>)
        })
    }

    fn state(&self) -> watch::Receiver<ConnectionState> {
        self.inner.state()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.inner.close()
    }
}

struct InterceptedListener<I> {
    inner: Box<dyn Listener>,
    hooks: I,
}

impl<I: Intercept> Listener for InterceptedListener<I> {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        self.hooks.poll_next(&mut *self.inner, cx).map_ok(|inner| {
            let hooks = self.hooks.clone();
            match inner {
                Incoming::Delivery(inner) => Incoming::Delivery(intercepted(inner, hooks)),
                Incoming::Encoded(inner) => {
                    Incoming::Encoded(Box::new(InterceptedMessage { inner, hooks }))
                }
            }
        })
    }

    fn acks_are_final(&self) -> bool {
        self.inner.acks_are_final()
    }

    fn ack_timeout(&self) -> Option<Duration> {
        self.inner.ack_timeout()
    }

    fn stop_consuming(&mut self) -> MaybeReady<()> {
        self.inner.stop_consuming()
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        self.inner.close()
    }
}

struct InterceptedMessage<I> {
    inner: Box<dyn EncodedDelivery>,
    hooks: I,
}

impl<I: Intercept> EncodedDelivery for InterceptedMessage<I> {
    fn message_id(&self) -> Option<MessageId> {
        self.inner.message_id()
    }

    fn queue(&self) -> QueueKind {
        self.inner.queue()
    }

    fn redelivered(&self) -> bool {
        self.inner.redelivered()
    }

    /// Decodes the message, so that the hooks see the acknowledgement.
    fn ack(self: Box<Self>) -> MaybeReady<Result<(), AckError>> {
        match self.decode() {
            Some(mut delivery) => delivery.ack(),
            None => MaybeReady::ready(Ok(())),
        }
    }

    fn decodes_slowly(&self) -> bool {
        self.inner.decodes_slowly()
    }

    fn decode(self: Box<Self>) -> Option<Box<dyn Delivery>> {
        let Self { inner, hooks } = *self;
        inner.decode().map(|inner| intercepted(inner, hooks))
    }
}

fn intercepted<I: Intercept>(inner: Box<dyn Delivery>, hooks: I) -> Box<dyn Delivery> {
    let kept = hooks.delivered(&*inner);
    Box::new(InterceptedDelivery { kept, inner, hooks })
}

/// Fields are dropped in this order: a test learns that the server has dropped a delivery before the broker does.
struct InterceptedDelivery<I: Intercept> {
    kept: I::Kept,
    inner: Box<dyn Delivery>,
    hooks: I,
}

impl<I: Intercept> Delivery for InterceptedDelivery<I> {
    fn request(&self) -> &Arc<Request> {
        self.inner.request()
    }

    fn queue(&self) -> QueueKind {
        self.inner.queue()
    }

    fn redelivered(&self) -> bool {
        self.inner.redelivered()
    }

    fn delivery_count(&self) -> Option<u32> {
        self.inner.delivery_count()
    }

    fn ack(&mut self) -> MaybeReady<Result<(), AckError>> {
        self.hooks.ack(&self.kept, &mut *self.inner)
    }

    fn requeue(self: Box<Self>) {
        let Self { kept, inner, .. } = *self;
        drop(kept);
        inner.requeue();
    }

    fn still_running(&mut self) -> MaybeReady<Result<(), ReplyError>> {
        self.hooks.still_running(&self.kept, &mut *self.inner)
    }

    fn reply(&mut self, outcome: Outcome) -> MaybeReady<Result<(), ReplyError>> {
        self.hooks.reply(&self.kept, &mut *self.inner, outcome)
    }
}
