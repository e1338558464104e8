//! Dispatch among competing listeners is round robin, and no wake-up is lost.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rpc_core::MessageId;
use support::{TestBroker, TestListener, any, fanout, id, server};
use tokio::sync::mpsc;

/// Spawns a listener that acknowledges every message and reports its own name with it.
fn serve(
    name: &'static str,
    mut listener: TestListener,
    taken: mpsc::UnboundedSender<(&'static str, MessageId)>,
) {
    tokio::spawn(async move {
        while let Some(mut delivery) = listener.try_next().await {
            delivery.ack().await.unwrap();
            taken.send((name, delivery.request().id)).unwrap();
        }
    });
}

async fn names(
    taken: &mut mpsc::UnboundedReceiver<(&'static str, MessageId)>,
    count: usize,
) -> Vec<&'static str> {
    let mut names = Vec::new();
    while names.len() < count {
        names.push(taken.recv().await.unwrap().0);
    }
    names
}

#[tokio::test]
async fn idle_listeners_take_turns() {
    let broker = TestBroker::new();
    let (sender, mut taken) = mpsc::unbounded_channel();
    for name in ["one", "two", "three"] {
        serve(name, broker.listen("bank", name).await, sender.clone());
        tokio::task::yield_now().await;
    }
    let mut order = Vec::new();
    for number in 0..6 {
        broker.publish(id(number), &any("bank")).await;
        order.extend(names(&mut taken, 1).await);
        // The listener waits again before the next message is sent.
        tokio::task::yield_now().await;
    }
    assert_eq!(order, ["one", "two", "three", "one", "two", "three"]);
}

#[tokio::test]
async fn busy_listeners_take_turns() {
    let broker = TestBroker::new();
    let (sender, mut taken) = mpsc::unbounded_channel();
    for name in ["one", "two"] {
        serve(name, broker.listen("bank", name).await, sender.clone());
        tokio::task::yield_now().await;
    }
    for number in 0..20 {
        broker.publish(id(number), &any("bank")).await;
    }
    let order = names(&mut taken, 20).await;
    let ones = order.iter().filter(|name| **name == "one").count();
    assert_eq!(ones, 10, "{order:?}");
}

#[tokio::test]
async fn a_listener_polls_its_queues_in_turn() {
    let broker = TestBroker::new();
    let mut listener = broker.listen("bank", "one").await;
    for number in 0..3 {
        broker.publish(id(number), &any("bank")).await;
        broker.publish(id(10 + number), &server("bank", "one")).await;
        broker.publish(id(20 + number), &fanout("bank")).await;
    }
    let mut rounds = Vec::new();
    for _ in 0..9 {
        rounds.push(listener.ack_next().await.to_bits());
    }
    assert_eq!(rounds, [20, 10, 0, 21, 11, 1, 22, 12, 2]);
}

#[tokio::test]
async fn empty_queues_are_skipped() {
    let broker = TestBroker::new();
    let mut listener = broker.listen("bank", "one").await;
    for number in 0..3 {
        broker.publish(id(number), &any("bank")).await;
        broker.publish(id(10 + number), &server("bank", "one")).await;
    }
    let mut rounds = Vec::new();
    for _ in 0..6 {
        rounds.push(listener.ack_next().await.to_bits());
    }
    assert_eq!(rounds, [10, 0, 11, 1, 12, 2]);
}

#[tokio::test]
async fn a_notified_listener_that_leaves_passes_the_message_on() {
    let broker = TestBroker::new();
    let mut first = broker.listen("bank", "one").await;
    let mut second = broker.listen("bank", "two").await;
    assert!(first.poll_once().await.is_none());
    let next = tokio::spawn(async move { second.ack_next().await });
    tokio::task::yield_now().await;
    // Notifies the first listener, which never polls.
    broker.publish(id(1), &any("bank")).await;
    drop(first);
    assert_eq!(next.await.unwrap(), id(1));
}

#[tokio::test]
async fn a_notified_listener_that_does_not_poll_keeps_no_other_from_the_message() {
    let broker = TestBroker::new();
    let mut idle = broker.listen("bank", "one").await;
    let mut other = broker.listen("bank", "two").await;
    assert!(idle.poll_once().await.is_none());
    broker.publish(id(1), &any("bank")).await;
    assert_eq!(other.ack_next().await, id(1));
    assert!(idle.poll_once().await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn listeners_that_come_and_go_receive_every_message_once() {
    const MESSAGES: u128 = 4_000;
    let broker = Arc::new(TestBroker::new());
    let (sender, mut taken) = mpsc::unbounded_channel();
    serve("steady", broker.listen("bank", "steady").await, sender.clone());
    for _ in 0..3 {
        let (broker, sender) = (Arc::clone(&broker), sender.clone());
        tokio::spawn(async move {
            loop {
                let mut listener = broker.listen("bank", "short-lived").await;
                for round in 0..7 {
                    let mut delivery = listener.next().await;
                    if round % 3 == 2 {
                        delivery.requeue();
                    } else {
                        delivery.ack().await.unwrap();
                        sender.send(("short-lived", delivery.request().id)).unwrap();
                    }
                }
            }
        });
    }
    for part in 0..4 {
        let broker = Arc::clone(&broker);
        tokio::spawn(async move {
            for number in 0..MESSAGES / 4 {
                broker.publish(id(part * MESSAGES / 4 + number), &any("bank")).await;
            }
        });
    }
    let mut times: BTreeMap<MessageId, usize> = BTreeMap::new();
    for _ in 0..MESSAGES {
        let next = tokio::time::timeout(Duration::from_secs(60), taken.recv()).await;
        *times.entry(next.expect("a message or a wake-up was lost").unwrap().1).or_default() += 1;
    }
    assert!(times.values().all(|times| *times == 1), "received twice");
    assert_eq!(broker.transport.queued(), 0);
}
