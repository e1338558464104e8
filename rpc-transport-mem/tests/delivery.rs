//! Messages from a sender to a listener, and requeued.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use rpc_core::pending_calls::ReplyEvent;
use rpc_core::transport::Transport;
use rpc_core::{Codec, Payload};
use support::{TestBroker, any, call, cast, event, id, server, text};

#[tokio::test]
async fn a_call_reaches_a_listener_and_its_reply_the_caller() {
    let broker = TestBroker::new();
    let mut listener = broker.listen("bank", "one").await;
    let mut reply = broker.call("bank").unwrap().reply.unwrap();

    let mut delivery = listener.next().await;
    assert!(!delivery.redelivered());
    delivery.ack().await.unwrap();
    let outcome = Ok(Payload::new(Codec::MessagePack, text("done")));
    delivery.reply(outcome).await.unwrap();

    assert_eq!(support::outcome(&mut reply).await, text("done"));
    drop((delivery, reply));
    broker.assert_idle();
}

#[tokio::test]
async fn messages_are_delivered_in_the_order_they_were_sent() {
    let broker = TestBroker::new();
    let mut listener = broker.listen("bank", "one").await;
    for number in 1..=5 {
        broker.publish(id(number), &any("bank")).await;
    }
    for number in 1..=5 {
        assert_eq!(listener.ack_next().await, id(number));
    }
    broker.assert_idle();
}

#[tokio::test]
async fn a_listener_is_woken_by_the_message_that_it_waits_for() {
    let broker = TestBroker::new();
    let mut listener = broker.listen("bank", "one").await;
    let taken = tokio::spawn(async move { listener.ack_next().await });
    tokio::task::yield_now().await;
    broker.publish(id(7), &any("bank")).await;
    assert_eq!(taken.await.unwrap(), id(7));
}

#[tokio::test]
async fn a_requeued_message_comes_first_and_is_marked_as_redelivered() {
    let broker = TestBroker::new();
    let mut listener = broker.listen("bank", "one").await;
    for number in 1..=3 {
        broker.publish(id(number), &any("bank")).await;
    }
    listener.next().await.requeue();

    let mut again = listener.next().await;
    assert_eq!((again.request().id, again.redelivered()), (id(1), true));
    again.ack().await.unwrap();
    let mut next = listener.next().await;
    assert_eq!((next.request().id, next.redelivered()), (id(2), false));
    next.ack().await.unwrap();
    assert_eq!(listener.ack_next().await, id(3));
    broker.assert_idle();
}

#[tokio::test]
async fn a_delivery_dropped_unacknowledged_goes_to_another_listener() {
    let broker = TestBroker::new();
    let mut one = broker.listen("bank", "one").await;
    let mut two = broker.listen("bank", "two").await;
    broker.publish(id(1), &any("bank")).await;
    let delivery = one.next().await;
    assert_eq!(broker.transport.unacked(), 1);
    drop(delivery);
    let again = two.next().await;
    assert_eq!((again.request().id, again.redelivered()), (id(1), true));
}

#[tokio::test]
async fn an_acknowledged_message_is_not_requeued() {
    let broker = TestBroker::new();
    let mut listener = broker.listen("bank", "one").await;
    broker.publish(id(1), &any("bank")).await;
    let mut delivery = listener.next().await;
    delivery.ack().await.unwrap();
    delivery.requeue();
    broker.assert_idle();
}

#[tokio::test]
async fn a_message_for_one_server_reaches_no_other() {
    let broker = TestBroker::new();
    let mut one = broker.listen("bank", "one").await;
    let mut two = broker.listen("bank", "two").await;
    broker.publish(id(1), &server("bank", "two")).await;
    assert!(one.poll_once().await.is_none());
    assert_eq!(two.ack_next().await, id(1));
}

#[tokio::test]
async fn listeners_of_one_server_name_share_its_messages() {
    let broker = TestBroker::new();
    let mut first = broker.listen("bank", "one").await;
    let mut second = broker.listen("bank", "one").await;
    for number in 1..=2 {
        broker.publish(id(number), &server("bank", "one")).await;
    }
    assert_eq!(first.ack_next().await, id(1));
    assert_eq!(second.ack_next().await, id(2));
}

#[tokio::test]
async fn exchanges_keep_topics_of_one_name_apart() {
    let broker = TestBroker::new();
    let mut here = broker.listen("bank", "one").await;
    let mut there = broker.listen_in("abroad", "bank", "one").await;
    broker.publish(id(1), &any("bank").with_exchange(Some("abroad".into()))).await;
    broker.publish(id(2), &server("bank", "one").with_exchange(Some("abroad".into()))).await;
    assert!(here.poll_once().await.is_none());
    let mut taken = [there.ack_next().await, there.ack_next().await];
    taken.sort();
    assert_eq!(taken, [id(1), id(2)]);
}

#[tokio::test]
async fn a_cancelled_call_is_not_delivered() {
    let broker = TestBroker::new();
    let mut listener = broker.listen("bank", "one").await;
    let sent = broker.call("bank").unwrap();
    broker.publish(id(2), &any("bank")).await;
    drop(sent);
    assert_eq!(listener.ack_next().await, id(2));
    broker.assert_idle();
}

#[tokio::test(start_paused = true)]
async fn a_cast_that_expired_in_the_queue_is_not_delivered() {
    let broker = TestBroker::new();
    let mut listener = broker.listen("bank", "one").await;
    let mut request = call(id(1), Duration::from_secs(1));
    request.wants_reply = false;
    broker.transport.send(&any("bank"), Arc::new(request)).unwrap();
    broker.publish(id(2), &any("bank")).await;
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(listener.ack_next().await, id(2));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_no_listener_takes_times_out() {
    let broker = TestBroker::new();
    let mut listener = broker.listen("bank", "one").await;
    let request = Arc::new(call(id(1), Duration::from_secs(5)));
    let started = tokio::time::Instant::now();
    let mut reply = broker.transport.send(&any("bank"), request).unwrap().reply.unwrap();
    assert!(matches!(event(&mut reply).await, ReplyEvent::Expired));
    assert_eq!(started.elapsed().as_secs(), 5);
    // As a client does when its call times out.
    reply.request().cancel();
    drop(reply);
    assert!(listener.poll_once().await.is_none());
    broker.assert_idle();
}

#[tokio::test(start_paused = true)]
async fn a_still_running_report_keeps_a_monitored_call_pending() {
    let broker = TestBroker::new();
    let mut listener = broker.listen("bank", "one").await;
    let mut request = call(id(1), Duration::from_secs(60));
    request.monitor = Some(Duration::from_secs(2));
    let sent = broker.transport.send(&any("bank"), Arc::new(request)).unwrap();
    let mut reply = sent.reply.unwrap();
    let started = tokio::time::Instant::now();
    let mut delivery = listener.next().await;
    delivery.ack().await.unwrap();
    tokio::time::advance(Duration::from_millis(1_500)).await;
    delivery.still_running().await.unwrap();
    assert!(matches!(event(&mut reply).await, ReplyEvent::MonitorMissed));
    assert!(started.elapsed() >= Duration::from_millis(3_500));
}

#[tokio::test]
async fn a_reply_to_a_cancelled_call_is_not_an_error() {
    let broker = TestBroker::new();
    let mut listener = broker.listen("bank", "one").await;
    let sent = broker.call("bank").unwrap();
    let mut delivery = listener.next().await;
    delivery.ack().await.unwrap();
    drop(sent);
    assert!(delivery.request().is_cancelled());
    delivery.reply(Ok(Payload::new(Codec::MessagePack, text("late")))).await.unwrap();
}

#[tokio::test]
async fn a_message_that_is_too_large_fails_and_the_error_has_both_sizes() {
    let transport = rpc_transport_mem::MemTransport::builder().max_message(Some(0)).build();
    let broker = TestBroker::over(transport);
    let _listener = broker.listen("bank", "one").await;
    let error = broker.transport.send(&any("bank"), Arc::new(cast(id(1)))).unwrap_err();
    assert_eq!(error.kind(), rpc_core::error::TransportErrorKind::TooLarge);
    let text = error.to_string();
    assert!(text.contains("take 1 bytes") && text.contains("at most 0"), "{text}");
}

#[tokio::test]
async fn a_listener_that_stopped_has_ended() {
    let broker = TestBroker::new();
    let mut listener = broker.listen("bank", "one").await;
    assert!(listener.poll_once().await.is_none());
    assert_eq!(broker.transport.listeners(), 1);
    listener.0.stop_consuming().await;
    assert!(listener.try_next().await.is_none());
    assert_eq!(broker.transport.listeners(), 0);
    listener.0.close().await;
}
