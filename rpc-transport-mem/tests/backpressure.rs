//! Full queues.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

mod support;

use std::sync::Arc;

use futures_util::future::poll_immediate;
use rpc_core::MaybeReady;
use rpc_core::error::{Ran, SendError, TransportErrorKind};
use rpc_core::transport::{Sent, Transport};
use rpc_transport_mem::MemTransport;
use support::{Bench, any, cast, fanout, id};

fn small(capacity: usize) -> Bench {
    Bench::over(MemTransport::builder().queue_capacity(capacity).build())
}

/// A cast that finds the queue full.
async fn stuck(bench: &Bench, number: u128) -> MaybeReady<Result<(), SendError>> {
    let Sent { publish: mut hand_over, .. } = bench.cast(id(number), "bank").unwrap();
    assert!(poll_immediate(&mut hand_over).await.is_none(), "there was room for {number}");
    hand_over
}

#[tokio::test]
async fn senders_wait_for_room_and_enter_in_the_order_they_came() {
    let bench = small(2);
    let mut listener = bench.listen("bank", "one").await;
    bench.put(id(1), &any("bank")).await;
    bench.put(id(2), &any("bank")).await;
    let third = stuck(&bench, 3).await;
    let mut fourth = stuck(&bench, 4).await;

    assert_eq!(listener.take().await, id(1));
    third.await.unwrap();
    assert!(poll_immediate(&mut fourth).await.is_none());
    assert_eq!(listener.take().await, id(2));
    fourth.await.unwrap();
    assert_eq!(listener.take().await, id(3));
    assert_eq!(listener.take().await, id(4));
    bench.assert_idle();
}

#[tokio::test]
async fn a_message_enters_without_its_sender_being_polled() {
    let bench = small(1);
    let mut listener = bench.listen("bank", "one").await;
    bench.put(id(1), &any("bank")).await;
    let _unpolled = stuck(&bench, 2).await;
    assert_eq!(listener.take().await, id(1));
    assert_eq!(listener.take().await, id(2));
}

#[tokio::test]
async fn a_sender_that_gives_up_has_never_sent() {
    let bench = small(1);
    let mut listener = bench.listen("bank", "one").await;
    bench.put(id(1), &any("bank")).await;
    let second = stuck(&bench, 2).await;
    let third = stuck(&bench, 3).await;
    drop(second);
    assert_eq!(listener.take().await, id(1));
    third.await.unwrap();
    assert_eq!(listener.take().await, id(3));
    assert!(listener.poll().await.is_none());
}

#[tokio::test]
async fn a_waiting_sender_is_told_when_the_last_listener_leaves() {
    let bench = small(1);
    let listener = bench.listen("bank", "one").await;
    bench.put(id(1), &any("bank")).await;
    let second = tokio::spawn(stuck(&bench, 2).await);
    drop(listener);
    let error = second.await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.ran()), (TransportErrorKind::MissingServer, Ran::No));
}

#[tokio::test]
async fn a_message_that_nobody_wants_makes_room() {
    let bench = small(1);
    let mut listener = bench.listen("bank", "one").await;
    let abandoned = bench.call("bank").unwrap();
    let second = stuck(&bench, 2).await;
    drop(abandoned);
    assert_eq!(listener.take().await, id(2));
    second.await.unwrap();
}

#[tokio::test]
async fn what_is_given_back_needs_no_room() {
    let bench = small(1);
    let mut listener = bench.listen("bank", "one").await;
    bench.put(id(1), &any("bank")).await;
    let first = listener.next().await;
    bench.put(id(2), &any("bank")).await;
    first.requeue();
    assert_eq!(bench.transport.queued(), 2);
    assert_eq!(listener.take().await, id(1));
    assert_eq!(listener.take().await, id(2));
}

#[tokio::test]
async fn a_fanout_waits_for_the_slowest_listener() {
    let bench = small(1);
    let mut quick = bench.listen("bank", "quick").await;
    let mut slow = bench.listen("bank", "slow").await;
    bench.put(id(1), &fanout("bank")).await;
    assert_eq!(quick.take().await, id(1));
    let sent = bench.transport.send(&fanout("bank"), Arc::new(cast(id(2)))).unwrap();
    let mut hand_over = sent.publish;
    assert_eq!(poll_immediate(&mut hand_over).await.map(|_| ()), None);
    assert_eq!(quick.take().await, id(2));
    assert_eq!(slow.take().await, id(1));
    hand_over.await.unwrap();
    assert_eq!(slow.take().await, id(2));
}

#[tokio::test]
async fn a_fanout_does_not_wait_for_a_listener_that_left() {
    let bench = small(1);
    let mut stays = bench.listen("bank", "stays").await;
    let leaves = bench.listen("bank", "leaves").await;
    bench.put(id(1), &fanout("bank")).await;
    assert_eq!(stays.take().await, id(1));
    let sent = bench.transport.send(&fanout("bank"), Arc::new(cast(id(2)))).unwrap();
    drop(leaves);
    sent.publish.await.unwrap();
    assert_eq!(stays.take().await, id(2));
}
