//! Messages from a sender to a listener, and back to the queue.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use rpc_core::pending_calls::ReplyEvent;
use rpc_core::transport::Transport;
use rpc_core::{Codec, Payload};
use support::{Bench, any, call, cast, event, id, server, text};

#[tokio::test]
async fn a_call_reaches_a_listener_and_its_answer_the_caller() {
    let bench = Bench::new();
    let mut listener = bench.listen("bank", "one").await;
    let mut replies = bench.call("bank").unwrap().reply.unwrap();

    let mut delivery = listener.next().await;
    assert!(!delivery.redelivered());
    delivery.ack().await.unwrap();
    let outcome = Ok(Payload::new(Codec::MessagePack, text("done")));
    delivery.reply(outcome).await.unwrap();

    assert_eq!(support::outcome(&mut replies).await, text("done"));
    drop((delivery, replies));
    bench.assert_idle();
}

#[tokio::test]
async fn messages_are_taken_in_the_order_they_were_sent() {
    let bench = Bench::new();
    let mut listener = bench.listen("bank", "one").await;
    for number in 1..=5 {
        bench.put(id(number), &any("bank")).await;
    }
    for number in 1..=5 {
        assert_eq!(listener.take().await, id(number));
    }
    bench.assert_idle();
}

#[tokio::test]
async fn a_listener_is_woken_by_the_message_that_it_waits_for() {
    let bench = Bench::new();
    let mut listener = bench.listen("bank", "one").await;
    let taken = tokio::spawn(async move { listener.take().await });
    tokio::task::yield_now().await;
    bench.put(id(7), &any("bank")).await;
    assert_eq!(taken.await.unwrap(), id(7));
}

#[tokio::test]
async fn what_is_given_back_comes_again_first_and_marked() {
    let bench = Bench::new();
    let mut listener = bench.listen("bank", "one").await;
    for number in 1..=3 {
        bench.put(id(number), &any("bank")).await;
    }
    listener.next().await.requeue();

    let mut again = listener.next().await;
    assert_eq!((again.request().id, again.redelivered()), (id(1), true));
    again.ack().await.unwrap();
    let mut next = listener.next().await;
    assert_eq!((next.request().id, next.redelivered()), (id(2), false));
    next.ack().await.unwrap();
    assert_eq!(listener.take().await, id(3));
    bench.assert_idle();
}

#[tokio::test]
async fn a_delivery_dropped_without_a_word_goes_to_another_listener() {
    let bench = Bench::new();
    let mut one = bench.listen("bank", "one").await;
    let mut two = bench.listen("bank", "two").await;
    bench.put(id(1), &any("bank")).await;
    let delivery = one.next().await;
    assert_eq!(bench.transport.unacknowledged(), 1);
    drop(delivery);
    let again = two.next().await;
    assert_eq!((again.request().id, again.redelivered()), (id(1), true));
}

#[tokio::test]
async fn what_was_acknowledged_does_not_come_back() {
    let bench = Bench::new();
    let mut listener = bench.listen("bank", "one").await;
    bench.put(id(1), &any("bank")).await;
    let mut delivery = listener.next().await;
    delivery.ack().await.unwrap();
    delivery.requeue();
    bench.assert_idle();
}

#[tokio::test]
async fn a_message_for_one_server_reaches_no_other() {
    let bench = Bench::new();
    let mut one = bench.listen("bank", "one").await;
    let mut two = bench.listen("bank", "two").await;
    bench.put(id(1), &server("bank", "two")).await;
    assert!(one.poll().await.is_none());
    assert_eq!(two.take().await, id(1));
}

#[tokio::test]
async fn listeners_of_one_server_name_share_its_messages() {
    let bench = Bench::new();
    let mut first = bench.listen("bank", "one").await;
    let mut second = bench.listen("bank", "one").await;
    for number in 1..=2 {
        bench.put(id(number), &server("bank", "one")).await;
    }
    assert_eq!(first.take().await, id(1));
    assert_eq!(second.take().await, id(2));
}

#[tokio::test]
async fn exchanges_keep_topics_of_one_name_apart() {
    let bench = Bench::new();
    let mut here = bench.listen("bank", "one").await;
    let mut there = bench.listen_in("abroad", "bank", "one").await;
    bench.put(id(1), &any("bank").with_exchange(Some("abroad".into()))).await;
    bench.put(id(2), &server("bank", "one").with_exchange(Some("abroad".into()))).await;
    assert!(here.poll().await.is_none());
    let mut taken = [there.take().await, there.take().await];
    taken.sort();
    assert_eq!(taken, [id(1), id(2)]);
}

#[tokio::test]
async fn a_message_whose_caller_has_gone_is_not_delivered() {
    let bench = Bench::new();
    let mut listener = bench.listen("bank", "one").await;
    let sent = bench.call("bank").unwrap();
    bench.put(id(2), &any("bank")).await;
    drop(sent);
    assert_eq!(listener.take().await, id(2));
    bench.assert_idle();
}

#[tokio::test(start_paused = true)]
async fn a_cast_that_expired_in_the_queue_is_not_delivered() {
    let bench = Bench::new();
    let mut listener = bench.listen("bank", "one").await;
    let mut request = call(id(1), Duration::from_secs(1));
    request.wants_reply = false;
    bench.transport.send(&any("bank"), Arc::new(request)).unwrap();
    bench.put(id(2), &any("bank")).await;
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(listener.take().await, id(2));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_nobody_takes_runs_into_its_deadline() {
    let bench = Bench::new();
    let mut listener = bench.listen("bank", "one").await;
    let request = Arc::new(call(id(1), Duration::from_secs(5)));
    let begun = tokio::time::Instant::now();
    let mut replies = bench.transport.send(&any("bank"), request).unwrap().reply.unwrap();
    assert!(matches!(event(&mut replies).await, ReplyEvent::Expired));
    assert_eq!(begun.elapsed().as_secs(), 5);
    // As a client does, which is told that nobody waits any more.
    replies.request().cancel();
    drop(replies);
    assert!(listener.poll().await.is_none());
    bench.assert_idle();
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_keeps_a_monitored_call_alive() {
    let bench = Bench::new();
    let mut listener = bench.listen("bank", "one").await;
    let mut request = call(id(1), Duration::from_secs(60));
    request.monitor = Some(Duration::from_secs(2));
    let sent = bench.transport.send(&any("bank"), Arc::new(request)).unwrap();
    let mut replies = sent.reply.unwrap();
    let begun = tokio::time::Instant::now();
    let mut delivery = listener.next().await;
    delivery.ack().await.unwrap();
    tokio::time::advance(Duration::from_millis(1_500)).await;
    delivery.still_running().await.unwrap();
    assert!(matches!(event(&mut replies).await, ReplyEvent::MonitorMissed));
    assert!(begun.elapsed() >= Duration::from_millis(3_500));
}

#[tokio::test]
async fn an_answer_that_finds_nobody_is_no_error() {
    let bench = Bench::new();
    let mut listener = bench.listen("bank", "one").await;
    let sent = bench.call("bank").unwrap();
    let mut delivery = listener.next().await;
    delivery.ack().await.unwrap();
    drop(sent);
    assert!(delivery.request().is_cancelled());
    delivery.reply(Ok(Payload::new(Codec::MessagePack, text("late")))).await.unwrap();
}

#[tokio::test]
async fn a_message_larger_than_allowed_is_refused_with_both_sizes() {
    let transport = rpc_transport_mem::MemTransport::builder().max_message(Some(0)).build();
    let bench = Bench::over(transport);
    let _listener = bench.listen("bank", "one").await;
    let error = bench.transport.send(&any("bank"), Arc::new(cast(id(1)))).unwrap_err();
    assert_eq!(error.kind(), rpc_core::error::TransportErrorKind::TooLarge);
    let text = error.to_string();
    assert!(text.contains("take 1 bytes") && text.contains("at most 0"), "{text}");
}

#[tokio::test]
async fn a_listener_that_stopped_has_ended() {
    let bench = Bench::new();
    let mut listener = bench.listen("bank", "one").await;
    assert!(listener.poll().await.is_none());
    assert_eq!(bench.transport.listeners(), 1);
    listener.0.stop_consuming().await;
    assert!(listener.try_next().await.is_none());
    assert_eq!(bench.transport.listeners(), 0);
    listener.0.close().await;
}
