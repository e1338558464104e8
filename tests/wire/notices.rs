//! Notices: still-running messages, accepted notices and cancellations.

use std::time::Duration;

use rpc_core::pending_calls::ReplyEvent;
use rpc_tests::support::poll::until;
use tokio::time::{Instant, sleep};

use crate::broker::{Broker, QUEUE, outcome};
use crate::golden::{Message, message};
use crate::requests::ping;

fn golden(name: &str) -> Message {
    message("notices.txt", name)
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_write_the_golden_notices_and_read_a_golden_cancellation() {
    let broker = Broker::new("notices-of-servers").await;
    let mut server = broker.listen().await;
    let mut replies = broker.consume("rpc.reply/golden").await;
    broker.publish(QUEUE, &message("requests.txt", "the least call")).await;
    let mut delivery = server.next().await;
    delivery.still_running().await.unwrap();
    // The server says by itself, after a moment, that it has accepted the call.
    let (first, second) = (replies.next().await, replies.next().await);
    let (running, accepted) =
        if first == golden("running") { (first, second) } else { (second, first) };
    assert_eq!(running, golden("running"));
    assert_eq!(accepted.masked(), golden("accepted").masked());
    assert!(!delivery.request().is_cancelled());
    broker.publish(accepted.property("reply-to"), &golden("cancel")).await;
    until("the request is cancelled", async || delivery.request().is_cancelled()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_write_a_golden_cancellation_and_read_the_golden_notices() {
    let broker = Broker::new("notices-of-clients").await;
    let mut queue = broker.consume(QUEUE).await;
    let mut server = broker.consume("rpc.reply/golden").await;
    let client = broker.client();
    let mut request = ping();
    request.wants_reply = true;
    let reply = client.send(request).await.unwrap();
    let call = queue.next().await;
    let to = |golden: Message| golden.with("correlation-id", call.property("correlation-id"));
    broker.publish(call.property("reply-to"), &to(golden("accepted"))).await;
    drop(reply);
    let cancel = server.next().await;
    assert_eq!(cancel.masked(), golden("cancel").masked());
    assert_eq!(cancel.property("correlation-id"), call.property("correlation-id"));
    assert_eq!(cancel.property("reply-to"), call.property("reply-to"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_golden_still_running_message_keeps_a_monitored_call_waiting() {
    const PERIOD: Duration = Duration::from_secs(4);
    const REPORTED_AFTER: Duration = Duration::from_secs(1);
    let broker = Broker::new("notices-of-monitors").await;
    let mut queue = broker.consume(QUEUE).await;
    let client = broker.client();
    // Connects: the period begins before the request is published.
    client.send(ping()).await;
    queue.next().await;
    let mut request = ping();
    (request.wants_reply, request.monitor) = (true, Some(PERIOD));
    let began = Instant::now();
    let reply = client.send(request).await.unwrap();
    let call = queue.next().await;
    sleep(REPORTED_AFTER).await;
    let running = golden("running").with("correlation-id", call.property("correlation-id"));
    broker.publish(call.property("reply-to"), &running).await;
    let ended = outcome(reply).await;
    assert!(matches!(ended, ReplyEvent::MonitorMissed), "{ended:?}");
    let waited = began.elapsed();
    assert!(waited >= PERIOD + REPORTED_AFTER, "the report was not read: {waited:?}");
}
