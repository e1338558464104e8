//! Replies: what servers publish, and what clients make of it.

use rpc_core::error::Ran;
use rpc_core::pending_calls::ReplyEvent;
use rpc_core::{Codec, Failure, FailureKind, Outcome, Payload, Version};

use crate::broker::{Broker, QUEUE, outcome};
use crate::golden::{Message, message, messages};
use crate::requests::ping;

fn short(kind: FailureKind) -> Failure {
    Failure::new(kind, "Short", "30 cents short")
}

/// Returns the outcome that a golden message says.
fn said(name: &str) -> Outcome {
    let json = |text: &str| Payload::new(Codec::Json, text.as_bytes().to_vec());
    match name {
        "a result" => Ok(Payload::new(Codec::MessagePack, vec![7])),
        "a JSON result" => Ok(json("7")),
        "a failure with every field" => Err(short(FailureKind::Expected)
            .with_ran(Ran::Unknown)
            .with_module(Some("bank"))
            .with_supported_versions(vec![Version::new(1, 2), Version::new(2, 0).with_revision(3)])
            .with_causes(vec!["the account".to_owned(), "is closed".to_owned()])
            .with_details(Payload::new(Codec::MessagePack, b"\x81\xa7missing\x1e".to_vec()))),
        "a failure with JSON details" => {
            Err(short(FailureKind::Expected).with_details(json(r#"{"missing":30}"#)))
        }
        kind => Err(short(kind.parse().unwrap())),
    }
}

fn golden() -> impl Iterator<Item = (String, Message)> {
    messages("results.txt").into_iter().chain(messages("failures.txt"))
}

/// Returns everything that an outcome says. `Debug` of a payload leaves out its bytes.
fn fields(outcome: &Outcome) -> (String, Option<&[u8]>) {
    let payload = outcome.as_ref().map_or_else(Failure::details, Some);
    (format!("{outcome:?}"), payload.map(|payload| &payload.bytes()[..]))
}

#[test]
fn every_kind_of_failure_is_golden() {
    let golden = messages("failures.txt");
    for kind in FailureKind::ALL {
        assert!(golden.contains_key(kind.as_str()), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_write_the_golden_replies() {
    let broker = Broker::new("replies-written").await;
    let mut server = broker.listen().await;
    let mut replies = broker.consume("rpc.reply/golden").await;
    let call = message("requests.txt", "the least call");
    for (name, golden) in golden() {
        broker.publish(QUEUE, &call).await;
        server.next().await.reply(said(&name)).await.unwrap();
        let mut reply = replies.next().await;
        // On a busy machine the server may say first that it has accepted the call.
        if reply.masked() == message("notices.txt", "accepted").masked() {
            reply = replies.next().await;
        }
        assert_eq!(reply, golden, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_read_the_golden_replies() {
    let broker = Broker::new("replies-read").await;
    let mut queue = broker.consume(QUEUE).await;
    let client = broker.client();
    for (name, golden) in golden() {
        let mut request = ping();
        request.wants_reply = true;
        let reply = client.send(request).await.unwrap();
        let call = queue.next().await;
        let golden = golden.with("correlation-id", call.property("correlation-id"));
        broker.publish(call.property("reply-to"), &golden).await;
        let ended = outcome(reply).await;
        let ReplyEvent::Outcome(received) = ended else { panic!("{name}: {ended:?}") };
        assert_eq!(fields(&received), fields(&said(&name)), "{name}");
    }
}
