//! Backpressure: full queues and the senders that wait for space.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

mod support;

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::poll_immediate;
use rpc_core::MaybeReady;
use rpc_core::error::{Ran, SendError, TransportErrorKind};
use rpc_core::pending_calls::{PendingReply, ReplyEvent};
use rpc_core::transport::{Sent, Transport};
use rpc_transport_mem::MemTransport;
use support::{TestBroker, any, call, cast, fanout, id};

fn with_capacity(capacity: usize) -> TestBroker {
    TestBroker::over(MemTransport::builder().queue_capacity(capacity).build())
}

/// Sends a cast that finds the queue full.
async fn blocked_cast(broker: &TestBroker, number: u128) -> MaybeReady<Result<(), SendError>> {
    let Sent { mut publish, .. } = broker.cast(id(number), "bank").unwrap();
    assert!(poll_immediate(&mut publish).await.is_none(), "there was space for {number}");
    publish
}

/// Sends a call that finds the queue full.
fn blocked_call(broker: &TestBroker, number: u128) -> PendingReply {
    let request = Arc::new(call(id(number), Duration::from_secs(60)));
    broker.transport.send(&any("bank"), request).unwrap().reply.unwrap()
}

#[tokio::test]
async fn senders_wait_for_space_and_enqueue_in_the_order_they_came() {
    let broker = with_capacity(2);
    let mut listener = broker.listen("bank", "one").await;
    broker.publish(id(1), &any("bank")).await;
    broker.publish(id(2), &any("bank")).await;
    let third = blocked_cast(&broker, 3).await;
    let mut fourth = blocked_cast(&broker, 4).await;

    assert_eq!(listener.ack_next().await, id(1));
    third.await.unwrap();
    assert!(poll_immediate(&mut fourth).await.is_none());
    assert_eq!(listener.ack_next().await, id(2));
    fourth.await.unwrap();
    assert_eq!(listener.ack_next().await, id(3));
    assert_eq!(listener.ack_next().await, id(4));
    broker.assert_idle();
}

#[tokio::test]
async fn a_message_is_enqueued_without_its_sender_being_polled() {
    let broker = with_capacity(1);
    let mut listener = broker.listen("bank", "one").await;
    broker.publish(id(1), &any("bank")).await;
    let _unpolled = blocked_cast(&broker, 2).await;
    assert_eq!(listener.ack_next().await, id(1));
    assert_eq!(listener.ack_next().await, id(2));
}

#[tokio::test]
async fn a_dropped_sender_has_never_sent() {
    let broker = with_capacity(1);
    let mut listener = broker.listen("bank", "one").await;
    broker.publish(id(1), &any("bank")).await;
    let second = blocked_cast(&broker, 2).await;
    let third = blocked_cast(&broker, 3).await;
    drop(second);
    assert_eq!(listener.ack_next().await, id(1));
    third.await.unwrap();
    assert_eq!(listener.ack_next().await, id(3));
    assert!(listener.poll_once().await.is_none());
}

#[tokio::test]
async fn a_blocked_sender_fails_when_the_last_listener_leaves() {
    let broker = with_capacity(1);
    let listener = broker.listen("bank", "one").await;
    broker.publish(id(1), &any("bank")).await;
    let second = tokio::spawn(blocked_cast(&broker, 2).await);
    drop(listener);
    let error = second.await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.ran()), (TransportErrorKind::MissingServer, Ran::No));
}

#[tokio::test]
async fn a_cancelled_message_frees_space() {
    let broker = with_capacity(1);
    let mut listener = broker.listen("bank", "one").await;
    let cancelled = broker.call("bank").unwrap();
    let second = blocked_cast(&broker, 2).await;
    drop(cancelled);
    assert_eq!(listener.ack_next().await, id(2));
    second.await.unwrap();
}

#[tokio::test]
async fn calls_and_casts_that_wait_for_space_keep_their_order() {
    let broker = with_capacity(1);
    let mut listener = broker.listen("bank", "one").await;
    broker.publish(id(1), &any("bank")).await;
    let second = blocked_call(&broker, 2);
    let third = blocked_cast(&broker, 3).await;
    let fourth = blocked_call(&broker, 4);
    assert_eq!(broker.transport.queued(), 1);
    for number in 1..=4 {
        assert_eq!(listener.ack_next().await, id(number));
    }
    third.await.unwrap();
    drop((second, fourth));
    broker.assert_idle();
}

#[tokio::test]
async fn a_call_that_waits_for_space_has_not_run_when_the_last_listener_leaves_or_the_broker_closes()
 {
    for close in [false, true] {
        let broker = with_capacity(1);
        let listener = broker.listen("bank", "one").await;
        broker.publish(id(1), &any("bank")).await;
        let mut waiting = blocked_call(&broker, 2);
        let kind = if close {
            broker.transport.close().await;
            TransportErrorKind::Closed
        } else {
            drop(listener);
            TransportErrorKind::MissingServer
        };
        let event = poll_fn(|cx| waiting.poll(cx)).await;
        let ReplyEvent::Failed(error) = event else { panic!("{event:?}") };
        assert_eq!((error.kind(), error.ran()), (kind, Ran::No));
    }
}

#[tokio::test]
async fn cancelled_calls_that_wait_for_space_are_forgotten_while_the_queue_stays_full() {
    let broker = with_capacity(1);
    let mut listener = broker.listen("bank", "one").await;
    broker.publish(id(1), &any("bank")).await;
    let _waiting = blocked_call(&broker, 2);
    let requests: Vec<_> =
        (3..10_000).map(|number| Arc::downgrade(blocked_call(&broker, number).request())).collect();
    let kept = requests.iter().filter(|request| request.strong_count() > 0).count();
    assert!(kept <= 100, "{kept} cancelled calls are in memory");
    assert_eq!(listener.ack_next().await, id(1));
    assert_eq!(listener.ack_next().await, id(2));
    assert!(listener.poll_once().await.is_none());
}

#[tokio::test]
async fn a_requeued_message_needs_no_space() {
    let broker = with_capacity(1);
    let mut listener = broker.listen("bank", "one").await;
    broker.publish(id(1), &any("bank")).await;
    let first = listener.next().await;
    broker.publish(id(2), &any("bank")).await;
    first.requeue();
    assert_eq!(broker.transport.queued(), 2);
    assert_eq!(listener.ack_next().await, id(1));
    assert_eq!(listener.ack_next().await, id(2));
}

#[tokio::test]
async fn a_fanout_waits_for_the_slowest_listener() {
    let broker = with_capacity(1);
    let mut quick = broker.listen("bank", "quick").await;
    let mut slow = broker.listen("bank", "slow").await;
    broker.publish(id(1), &fanout("bank")).await;
    assert_eq!(quick.ack_next().await, id(1));
    let sent = broker.transport.send(&fanout("bank"), Arc::new(cast(id(2)))).unwrap();
    let mut publish = sent.publish;
    assert_eq!(poll_immediate(&mut publish).await.map(|_| ()), None);
    assert_eq!(quick.ack_next().await, id(2));
    assert_eq!(slow.ack_next().await, id(1));
    publish.await.unwrap();
    assert_eq!(slow.ack_next().await, id(2));
}

#[tokio::test]
async fn a_fanout_does_not_wait_for_a_listener_that_left() {
    let broker = with_capacity(1);
    let mut stays = broker.listen("bank", "stays").await;
    let leaves = broker.listen("bank", "leaves").await;
    broker.publish(id(1), &fanout("bank")).await;
    assert_eq!(stays.ack_next().await, id(1));
    let sent = broker.transport.send(&fanout("bank"), Arc::new(cast(id(2)))).unwrap();
    drop(leaves);
    sent.publish.await.unwrap();
    assert_eq!(stays.ack_next().await, id(2));
}
