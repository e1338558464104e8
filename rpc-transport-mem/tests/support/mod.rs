//! Senders and listeners by the transport traits alone, without a client or a server.

// A test that cannot send or listen fails.
#![allow(clippy::unwrap_used)]
#![allow(dead_code, reason = "each test file uses some of it")]

use std::borrow::Cow;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rpc_core::error::SendError;
use rpc_core::pending_calls::{PendingReply, ReplyEvent};
use rpc_core::transport::{Delivery, Destination, Listen, Listener, Route, Sent, Transport};
use rpc_core::{Bytes, Codec, MessageId, Payload, Request};
use rpc_transport_mem::MemTransport;
use tokio::time::Instant;

/// A transport with a broker of its own, and short ways to use it.
pub(crate) struct TestBroker {
    pub(crate) transport: MemTransport,
}

impl TestBroker {
    pub(crate) fn new() -> Self {
        Self { transport: MemTransport::new() }
    }

    pub(crate) fn over(transport: MemTransport) -> Self {
        Self { transport }
    }

    pub(crate) async fn listen(&self, topic: &str, server: &str) -> TestListener {
        self.listen_to(Listen::new(topic, server)).await
    }

    pub(crate) async fn listen_in(
        &self,
        exchange: &str,
        topic: &str,
        server: &str,
    ) -> TestListener {
        let mut listen = Listen::new(topic, server);
        listen.exchange = Some(exchange.to_owned());
        self.listen_to(listen).await
    }

    async fn listen_to(&self, listen: Listen) -> TestListener {
        TestListener(self.transport.listen(listen).await.unwrap())
    }

    pub(crate) fn call(&self, topic: &'static str) -> Result<Sent, SendError> {
        self.transport.send(&any(topic), Arc::new(call(id(1), Duration::from_secs(60))))
    }

    pub(crate) fn cast(&self, id: MessageId, topic: &'static str) -> Result<Sent, SendError> {
        self.transport.send(&any(topic), Arc::new(cast(id)))
    }

    /// Sends a cast and waits until it is enqueued.
    pub(crate) async fn publish(&self, id: MessageId, route: &Route) {
        self.transport.send(route, Arc::new(cast(id))).unwrap().publish.await.unwrap();
    }

    /// Asserts that no call is pending and no message is queued or unacknowledged.
    pub(crate) fn assert_idle(&self) {
        assert_eq!(self.transport.pending_calls(), 0, "pending calls");
        assert_eq!(self.transport.queued(), 0, "queued messages");
        assert_eq!(self.transport.unacked(), 0, "unacknowledged deliveries");
    }
}

/// A listener, and short ways to use it.
pub(crate) struct TestListener(pub(crate) Box<dyn Listener>);

impl TestListener {
    pub(crate) async fn try_next(&mut self) -> Option<Box<dyn Delivery>> {
        poll_fn(|cx| self.0.poll_next(cx)).await.and_then(|next| next.unwrap().decode())
    }

    pub(crate) async fn next(&mut self) -> Box<dyn Delivery> {
        self.try_next().await.expect("the listener has ended")
    }

    /// Receives and acknowledges the next message.
    pub(crate) async fn ack_next(&mut self) -> MessageId {
        let mut delivery = self.next().await;
        delivery.ack().await.unwrap();
        delivery.request().id
    }

    /// Polls once. The listener waits if there is no message.
    pub(crate) async fn poll_once(&mut self) -> Option<Box<dyn Delivery>> {
        poll_fn(|cx| match self.0.poll_next(cx) {
            Poll::Ready(next) => Poll::Ready(next.and_then(|next| next.unwrap().decode())),
            Poll::Pending => Poll::Ready(None),
        })
        .await
    }
}

pub(crate) fn id(number: u128) -> MessageId {
    MessageId::from_bits(number)
}

pub(crate) fn any(topic: &'static str) -> Route {
    Route::new(topic, Destination::Any)
}

pub(crate) fn server(topic: &'static str, server: &'static str) -> Route {
    Route::new(topic, Destination::Server(Cow::Borrowed(server)))
}

pub(crate) fn fanout(topic: &'static str) -> Route {
    Route::new(topic, Destination::Fanout)
}

pub(crate) fn cast(id: MessageId) -> Request {
    Request::new(id, "work", Payload::new(Codec::MessagePack, vec![0x80]))
}

pub(crate) fn call(id: MessageId, timeout: Duration) -> Request {
    let mut request = cast(id);
    request.wants_reply = true;
    request.deadline = Some(Instant::now() + timeout);
    request
}

pub(crate) fn text(text: &str) -> Bytes {
    Codec::MessagePack.encode(text).unwrap()
}

pub(crate) async fn event(reply: &mut PendingReply) -> ReplyEvent {
    poll_fn(|cx| reply.poll(cx)).await
}

pub(crate) async fn outcome(reply: &mut PendingReply) -> Bytes {
    match event(reply).await {
        ReplyEvent::Outcome(Ok(payload)) => payload.into_bytes(),
        other => panic!("not a result: {other:?}"),
    }
}
