//! Requests without a client and listeners without a server, for messages that those never send.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use rpc_core::pending_calls;
use rpc_core::transport::{Delivery, Destination, Listen, Listener, Route};
use rpc_core::{Codec, MessageId, Outcome, Payload, Request};
use tokio::time::Instant;

use crate::conformance::harness::TestEnv;

pub(crate) fn id(number: u128) -> MessageId {
    MessageId::from_bits(number)
}

/// Builds a cast of `method` with the argument `label`.
pub(crate) fn cast(env: &TestEnv, number: u128, method: &'static str, label: &str) -> Request {
    let args = std::collections::BTreeMap::from([("label", label)]);
    let args = Payload::new(env.codec(), env.codec().encode(&args).unwrap());
    Request::new(id(number), method, args)
}

/// Builds a call of `method` with the argument `label`.
pub(crate) fn call(env: &TestEnv, number: u128, method: &'static str, label: &str) -> Request {
    as_call(cast(env, number, method, label))
}

/// Builds a call with these bytes for arguments.
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

/// Publishes the message, and waits for the outcome if it is a call.
pub(crate) async fn send(env: &TestEnv, request: Request) -> Option<pending_calls::ReplyEvent> {
    let route = Route::new(env.topic(), Destination::Any);
    let sent = env.client_transport().send(&route, Arc::new(request)).unwrap();
    sent.publish.await.unwrap();
    let mut replies = sent.reply?;
    Some(poll_fn(|cx| replies.poll(cx)).await)
}

/// Sends the call, and waits for its outcome.
pub(crate) async fn outcome(env: &TestEnv, request: Request) -> Outcome {
    match send(env, request).await {
        Some(pending_calls::ReplyEvent::Outcome(outcome)) => outcome,
        other => panic!("the server should answer, but: {other:?}"),
    }
}

/// A listener of the case's topic, without a server.
pub(crate) struct RawListener(Box<dyn Listener>);

impl RawListener {
    pub(crate) async fn new(env: &TestEnv, server: &str) -> Self {
        let mut listen = Listen::new(env.topic(), server);
        listen.concurrency = 16;
        Self(env.server_transport().listen(listen).await.unwrap())
    }

    /// Waits for the next message; it is not acknowledged.
    pub(crate) async fn next(&mut self) -> Box<dyn Delivery> {
        poll_fn(|cx| self.0.poll_next(cx)).await.unwrap().unwrap().decode().unwrap()
    }

    pub(crate) async fn close(self) {
        self.0.close().await;
    }
}
