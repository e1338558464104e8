//! Messages of newer peers: what today's readers do not know is ignored, or rejected by name.

use rpc_core::error::{Ran, TransportErrorKind};
use rpc_core::pending_calls::ReplyEvent;
use rpc_core::{Failure, FailureKind, Outcome, Payload};

use crate::broker::{Broker, QUEUE, outcome};
use crate::golden::{Message, message};
use crate::requests::{assert_same, ping};

fn golden(name: &str) -> Message {
    message("newer.txt", name)
}

/// Returns how a call ends whose reply queue gets these messages.
async fn replied(vhost: &str, messages: &[Message]) -> ReplyEvent {
    let broker = Broker::new(vhost).await;
    let mut queue = broker.consume(QUEUE).await;
    let mut request = ping();
    request.wants_reply = true;
    let client = broker.client();
    let reply = client.send(request).await.unwrap();
    let call = queue.next().await;
    for message in messages {
        let message = message.with("correlation-id", call.property("correlation-id"));
        broker.publish(call.property("reply-to"), &message).await;
    }
    outcome(reply).await
}

fn outcome_of(event: ReplyEvent) -> Outcome {
    match event {
        ReplyEvent::Outcome(outcome) => outcome,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_ignores_flags_and_fields_that_it_does_not_know() {
    let broker = Broker::new("newer-fields").await;
    let mut server = broker.listen().await;
    broker.publish(QUEUE, &golden("a call with unknown fields")).await;
    let mut expected = ping();
    expected.wants_reply = true;
    assert_same("a call with unknown fields", server.next().await.request(), &expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_tells_the_caller_what_it_cannot_read() {
    let broker = Broker::new("newer-requests").await;
    let mut server = broker.listen().await;
    let mut replies = broker.consume("rpc.reply/golden").await;
    for (name, reason) in [
        ("a call of format version 2", "format version 2, and this program reads version 1"),
        ("a call of an unknown kind", "unknown kind 200"),
        ("a call with arguments in an unknown codec", "unsupported codec \"cbor\""),
    ] {
        broker.publish(QUEUE, &golden(name)).await;
        let reply = tokio::select! {
            reply = replies.next() => reply,
            // It decodes what is delivered.
            delivery = server.next() => panic!("{name}: {:?}", delivery.request()),
        };
        let expected = message("failures.txt", "malformed");
        assert_eq!(reply.properties, expected.properties, "{name}");
        assert_eq!(reply.body[..20], expected.body[..20], "{name}: the prefix");
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        assert!(text.contains("malformed") && text.contains(reason), "{name}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_ignores_fields_that_it_does_not_know() {
    let result = replied("newer-result", &[golden("a result with unknown fields")]).await;
    let result = outcome_of(result).unwrap();
    assert_eq!(result, Payload::new(rpc_core::Codec::MessagePack, vec![7]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_does_not_take_a_reply_of_several_for_the_last_one() {
    let item = golden("an item of a stream");
    let end = message("results.txt", "a JSON result");
    let result = outcome_of(replied("newer-item", &[item.clone(), item, end]).await).unwrap();
    assert_eq!(result, Payload::new(rpc_core::Codec::Json, b"7".to_vec()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_a_client_cannot_read_fails_its_call_by_name() {
    for (name, ran, reason) in [
        ("a result in an unknown codec", Ran::Yes, "unsupported codec \"cbor\""),
        ("a result of format version 2", Ran::Unknown, "format version 2"),
    ] {
        let event = replied(&name.replace(' ', "-"), &[golden(name)]).await;
        let ReplyEvent::Failed(error) = event else { panic!("{name}: {event:?}") };
        assert_eq!((error.kind(), error.ran()), (TransportErrorKind::MalformedReply, ran));
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_of_an_unknown_kind_says_whether_the_method_ran() {
    for (name, kind, ran) in [
        ("a failure of an unknown kind that did not run", FailureKind::Unrecognized, Ran::No),
        ("a failure of an unknown kind", FailureKind::Unrecognized, Ran::Unknown),
        ("a denial that may have run", FailureKind::Denied, Ran::Unknown),
    ] {
        let event = replied(&name.replace(' ', "-"), &[golden(name)]).await;
        let failure: Failure = outcome_of(event).unwrap_err();
        assert_eq!((failure.kind(), failure.ran()), (kind, ran), "{failure}");
    }
}
