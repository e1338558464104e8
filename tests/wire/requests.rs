//! Requests: what clients publish, and what servers make of it.

use std::time::Duration;

use rpc_core::{Codec, MessageId, Payload, Request, TraceContext, Value, Version};
use tokio::time::Instant;

use crate::broker::{Broker, QUEUE, deadline};
use crate::golden::messages;

pub const ID: MessageId = MessageId::from_bits(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10);

/// Returns the least request.
pub fn ping() -> Request {
    Request::new(ID, "ping", Payload::new(Codec::MessagePack, vec![0x80]))
}

fn call(mut request: Request) -> Request {
    request.wants_reply = true;
    request
}

fn with_deadline(mut request: Request) -> Request {
    request.deadline = Some(deadline());
    request
}

fn every_field() -> Request {
    let args = Payload::new(Codec::MessagePack, b"\x81\xa6amount\x07".to_vec());
    let mut request = with_deadline(call(Request::new(ID, "pay", args)));
    request.namespace = Some("bank".into());
    request.version = Version::new(2, 1).with_revision(3);
    request.entries = [("user".to_owned(), Value::from("ada"))].into_iter().collect();
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let trace: TraceContext = trace.parse().unwrap();
    request.trace = Some(Box::new(trace.with_trace_state("vendor=1")));
    request.monitor = Some(Duration::from_millis(1500));
    request
}

/// Returns the request that a golden message says.
fn request(name: &str) -> Request {
    let json = Payload::new(Codec::Json, br#"{"amount":7}"#.to_vec());
    match name {
        "the least call" => call(ping()),
        "a call with every field" => every_field(),
        "a call with JSON arguments" => with_deadline(call(Request::new(ID, "pay", json))),
        "the least cast" => ping(),
        "a cast with a deadline" => with_deadline(ping()),
        other => panic!("no request is {other:?}"),
    }
}

/// Asserts that a server received the request that a golden message says.
pub fn assert_same(name: &str, received: &Request, expected: &Request) {
    let fields = |it: &Request| {
        let deadline = it.deadline.is_some();
        format!(
            "{:?}",
            (
                it.id,
                &it.namespace,
                &it.method,
                it.version,
                &it.entries,
                &it.trace,
                deadline,
                it.monitor
            )
        )
    };
    assert_eq!(fields(received), fields(expected), "{name}");
    assert_eq!((&received.args, received.wants_reply), (&expected.args, expected.wants_reply));
    let left = received.deadline.map(|deadline| deadline - Instant::now());
    assert!(left.is_none_or(|left| left <= Duration::from_secs(30)), "{name}: {left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_write_the_golden_requests() {
    let broker = Broker::new("requests-written").await;
    let mut queue = broker.consume(QUEUE).await;
    let client = broker.client();
    for (name, golden) in messages("requests.txt") {
        // Dropped when it has arrived: nobody replies.
        let _reply = client.send(request(&name)).await;
        assert_eq!(queue.next().await.masked(), golden.masked(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_read_the_golden_requests() {
    let broker = Broker::new("requests-read").await;
    let mut server = broker.listen().await;
    for (name, golden) in messages("requests.txt") {
        broker.publish(QUEUE, &golden).await;
        assert_same(&name, server.next().await.request(), &request(&name));
    }
}
