//! Messages and listeners without a client or a server, for what those would never do.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use rpc_core::pending_calls;
use rpc_core::transport::{Delivery, Destination, Listen, Listener, Route};
use rpc_core::{Codec, MessageId, Outcome, Payload, Request};
use tokio::time::Instant;

use crate::conformance::harness::World;

pub(crate) fn id(number: u128) -> MessageId {
    MessageId::from_bits(number)
}

/// A cast of `method` with the argument `label`.
pub(crate) fn cast(world: &World, number: u128, method: &'static str, label: &str) -> Request {
    let args = std::collections::BTreeMap::from([("label", label)]);
    let args = Payload::new(world.codec(), world.codec().encode(&args).unwrap());
    Request::new(id(number), method, args)
}

/// The same as a call.
pub(crate) fn call(world: &World, number: u128, method: &'static str, label: &str) -> Request {
    as_call(cast(world, number, method, label))
}

/// A call with these bytes for arguments.
pub(crate) fn call_with(
    number: u128,
    method: &'static str,
    codec: Codec,
    bytes: Vec<u8>,
) -> Request {
    as_call(Request::new(id(number), method, Payload::new(codec, bytes)))
}

fn as_call(mut request: Request) -> Request {
    request.wants_reply = true;
    request.deadline = Some(Instant::now() + Duration::from_secs(30));
    request
}

/// Hands the message over, and waits for the outcome of a call.
pub(crate) async fn send(world: &World, request: Request) -> Option<pending_calls::ReplyEvent> {
    let route = Route::new(world.topic(), Destination::Any);
    let sent = world.calling().send(&route, Arc::new(request)).unwrap();
    sent.publish.await.unwrap();
    let mut replies = sent.reply?;
    Some(poll_fn(|cx| replies.poll(cx)).await)
}

/// Makes the call, and waits for what the server says.
pub(crate) async fn outcome(world: &World, request: Request) -> Outcome {
    match send(world, request).await {
        Some(pending_calls::ReplyEvent::Outcome(outcome)) => outcome,
        other => panic!("the server should answer, but: {other:?}"),
    }
}

/// A listener of the case's topic, without a server behind it.
pub(crate) struct Ear(Box<dyn Listener>);

impl Ear {
    pub(crate) async fn new(world: &World, server: &str) -> Self {
        let mut listen = Listen::new(world.topic(), server);
        listen.concurrency = 16;
        Self(world.serving().listen(listen).await.unwrap())
    }

    /// The next message, not acknowledged.
    pub(crate) async fn next(&mut self) -> Box<dyn Delivery> {
        poll_fn(|cx| self.0.poll_next(cx)).await.unwrap().unwrap()
    }

    pub(crate) async fn close(self) {
        self.0.close().await;
    }
}
