//! Who gets the next message.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rpc_core::MessageId;
use support::{Bench, Ear, any, fanout, id, server};
use tokio::sync::mpsc;

/// A task that takes whatever comes, and says who took what.
fn serve(
    name: &'static str,
    mut ear: Ear,
    taken: mpsc::UnboundedSender<(&'static str, MessageId)>,
) {
    tokio::spawn(async move {
        while let Some(mut delivery) = ear.try_next().await {
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
    let bench = Bench::new();
    let (sender, mut taken) = mpsc::unbounded_channel();
    for name in ["one", "two", "three"] {
        serve(name, bench.listen("bank", name).await, sender.clone());
        tokio::task::yield_now().await;
    }
    let mut order = Vec::new();
    for number in 0..6 {
        bench.put(id(number), &any("bank")).await;
        order.extend(names(&mut taken, 1).await);
        // Back in the line before the next message comes.
        tokio::task::yield_now().await;
    }
    assert_eq!(order, ["one", "two", "three", "one", "two", "three"]);
}

#[tokio::test]
async fn listeners_with_a_queue_before_them_take_turns_too() {
    let bench = Bench::new();
    let (sender, mut taken) = mpsc::unbounded_channel();
    for name in ["one", "two"] {
        serve(name, bench.listen("bank", name).await, sender.clone());
        tokio::task::yield_now().await;
    }
    for number in 0..20 {
        bench.put(id(number), &any("bank")).await;
    }
    let order = names(&mut taken, 20).await;
    let ones = order.iter().filter(|name| **name == "one").count();
    assert_eq!(ones, 10, "{order:?}");
}

#[tokio::test]
async fn a_listener_takes_from_its_queues_in_turn() {
    let bench = Bench::new();
    let mut listener = bench.listen("bank", "one").await;
    for number in 0..3 {
        bench.put(id(number), &any("bank")).await;
        bench.put(id(10 + number), &server("bank", "one")).await;
        bench.put(id(20 + number), &fanout("bank")).await;
    }
    let mut rounds = Vec::new();
    for _ in 0..9 {
        rounds.push(listener.take().await.to_bits());
    }
    assert_eq!(rounds, [20, 10, 0, 21, 11, 1, 22, 12, 2]);
}

#[tokio::test]
async fn an_empty_queue_has_no_turn() {
    let bench = Bench::new();
    let mut listener = bench.listen("bank", "one").await;
    for number in 0..3 {
        bench.put(id(number), &any("bank")).await;
        bench.put(id(10 + number), &server("bank", "one")).await;
    }
    let mut rounds = Vec::new();
    for _ in 0..6 {
        rounds.push(listener.take().await.to_bits());
    }
    assert_eq!(rounds, [10, 0, 11, 1, 12, 2]);
}

#[tokio::test]
async fn a_listener_that_leaves_hands_its_turn_on() {
    let bench = Bench::new();
    let mut first = bench.listen("bank", "one").await;
    let mut second = bench.listen("bank", "two").await;
    assert!(first.poll().await.is_none());
    let next = tokio::spawn(async move { second.take().await });
    tokio::task::yield_now().await;
    // Wakes the first, which never comes.
    bench.put(id(1), &any("bank")).await;
    drop(first);
    assert_eq!(next.await.unwrap(), id(1));
}

#[tokio::test]
async fn a_listener_that_was_woken_and_does_not_come_keeps_nobody_from_the_message() {
    let bench = Bench::new();
    let mut sleepy = bench.listen("bank", "one").await;
    let mut eager = bench.listen("bank", "two").await;
    assert!(sleepy.poll().await.is_none());
    bench.put(id(1), &any("bank")).await;
    assert_eq!(eager.take().await, id(1));
    assert!(sleepy.poll().await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_message_is_taken_once_by_listeners_that_come_and_go() {
    const MESSAGES: u128 = 4_000;
    let bench = Arc::new(Bench::new());
    let (sender, mut taken) = mpsc::unbounded_channel();
    serve("steady", bench.listen("bank", "steady").await, sender.clone());
    for _ in 0..3 {
        let (bench, sender) = (Arc::clone(&bench), sender.clone());
        tokio::spawn(async move {
            loop {
                let mut ear = bench.listen("bank", "fleeting").await;
                for round in 0..7 {
                    let mut delivery = ear.next().await;
                    if round % 3 == 2 {
                        delivery.requeue();
                    } else {
                        delivery.ack().await.unwrap();
                        sender.send(("fleeting", delivery.request().id)).unwrap();
                    }
                }
            }
        });
    }
    for part in 0..4 {
        let bench = Arc::clone(&bench);
        tokio::spawn(async move {
            for number in 0..MESSAGES / 4 {
                bench.put(id(part * MESSAGES / 4 + number), &any("bank")).await;
            }
        });
    }
    let mut times: BTreeMap<MessageId, usize> = BTreeMap::new();
    for _ in 0..MESSAGES {
        let next = tokio::time::timeout(Duration::from_secs(60), taken.recv()).await;
        *times.entry(next.expect("a message or a wake-up was lost").unwrap().1).or_default() += 1;
    }
    assert!(times.values().all(|times| *times == 1), "taken twice");
    assert_eq!(bench.transport.queued(), 0);
}
