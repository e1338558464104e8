//! Missing servers: messages without a listener, and listeners that leave.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

mod support;

use rpc_core::error::{Ran, SendError, TransportErrorKind};
use rpc_core::pending_calls::ReplyEvent;
use rpc_core::transport::{Route, Transport};
use std::sync::Arc;
use support::{TestBroker, any, cast, event, fanout, id, server};

fn missing_server(broker: &TestBroker, route: &Route) -> SendError {
    let error = broker.transport.send(route, Arc::new(cast(id(1)))).unwrap_err();
    assert_eq!((error.kind(), error.ran()), (TransportErrorKind::MissingServer, Ran::No));
    error
}

#[tokio::test]
async fn a_message_to_an_unknown_topic_fails_at_once_and_leaves_nothing_behind() {
    let broker = TestBroker::new();
    let error = broker.call("bank").unwrap_err();
    assert_eq!((error.kind(), error.ran()), (TransportErrorKind::MissingServer, Ran::No));
    broker.assert_idle();
    // No queue was created for it: a listener that comes later finds nothing.
    let mut listener = broker.listen("bank", "one").await;
    assert!(listener.poll_once().await.is_none());
}

#[tokio::test]
async fn the_error_names_the_address_and_what_to_do() {
    let broker = TestBroker::new();
    let _listener = broker.listen("bank", "one").await;
    let to_server =
        missing_server(&broker, &server("bank", "two").with_exchange(Some("abroad".into())));
    let text = to_server.to_string();
    for part in ["`bank`", "`two`", "`abroad`", "start one"] {
        assert!(text.contains(part), "no {part} in: {text}");
    }
    assert!(
        missing_server(&broker, &any("bnak"))
            .to_string()
            .contains("topic `bnak` of the default exchange")
    );
}

#[tokio::test]
async fn a_server_of_another_name_topic_or_exchange_does_not_count() {
    let broker = TestBroker::new();
    let _listener = broker.listen("bank", "one").await;
    missing_server(&broker, &server("bank", "two"));
    missing_server(&broker, &any("shop"));
    missing_server(&broker, &any("bank").with_exchange(Some("abroad".into())));
    missing_server(&broker, &fanout("shop"));
}

#[tokio::test]
async fn a_route_finds_a_server_that_starts_after_an_error() {
    let broker = TestBroker::new();
    let route = any("bank");
    missing_server(&broker, &route);
    let mut listener = broker.listen("bank", "one").await;
    broker.publish(id(2), &route).await;
    assert_eq!(listener.ack_next().await, id(2));
}

#[tokio::test]
async fn a_route_that_was_used_finds_a_server_that_was_replaced() {
    let broker = TestBroker::new();
    let route = server("bank", "one");
    for round in 0..3 {
        missing_server(&broker, &route);
        let mut listener = broker.listen("bank", "one").await;
        // Another queue may now have the index that the queue of the route had before.
        let _other = broker.listen("bank", "other").await;
        broker.publish(id(round), &route).await;
        assert_eq!(listener.ack_next().await, id(round));
    }
}

#[tokio::test]
async fn a_server_that_stopped_consuming_is_missing() {
    let broker = TestBroker::new();
    let mut listener = broker.listen("bank", "one").await;
    listener.0.stop_consuming().await;
    for route in [any("bank"), server("bank", "one"), fanout("bank")] {
        missing_server(&broker, &route);
    }
}

#[tokio::test]
async fn calls_fail_when_the_last_listener_leaves() {
    let broker = TestBroker::new();
    let one = broker.listen("bank", "one").await;
    let two = broker.listen("bank", "two").await;
    let mut reply = broker.call("bank").unwrap().reply.unwrap();
    drop(one);
    assert_eq!(broker.transport.queued(), 1, "there is one listener left");
    drop(two);
    let ReplyEvent::Failed(error) = event(&mut reply).await else { panic!("not failed") };
    assert_eq!((error.kind(), error.ran()), (TransportErrorKind::MissingServer, Ran::No));
    drop(reply);
    broker.assert_idle();
}

#[tokio::test]
async fn casts_wait_for_the_next_listener() {
    let broker = TestBroker::new();
    let listener = broker.listen("bank", "one").await;
    broker.publish(id(1), &any("bank")).await;
    broker.publish(id(2), &server("bank", "one")).await;
    drop(listener);
    let mut next = broker.listen("bank", "one").await;
    assert_eq!(next.ack_next().await, id(2));
    assert_eq!(next.ack_next().await, id(1));
}

#[tokio::test]
async fn a_queued_fanout_is_dropped_with_its_listener() {
    let broker = TestBroker::new();
    let listener = broker.listen("bank", "one").await;
    broker.publish(id(1), &fanout("bank")).await;
    drop(listener);
    broker.assert_idle();
}

#[tokio::test]
async fn a_delivery_outlives_its_listener_and_is_requeued_where_it_came_from() {
    let broker = TestBroker::new();
    let mut listener = broker.listen("bank", "one").await;
    broker.publish(id(1), &server("bank", "one")).await;
    let delivery = listener.next().await;
    drop(listener);
    // The queue keeps its index while the delivery may be requeued.
    let mut other = broker.listen("bank", "other").await;
    drop(delivery);
    assert!(other.poll_once().await.is_none());
    let mut same = broker.listen("bank", "one").await;
    let again = same.next().await;
    assert_eq!((again.request().id, again.redelivered()), (id(1), true));
}

#[tokio::test]
async fn a_delivery_can_be_replied_to_after_its_listener_was_dropped() {
    let broker = TestBroker::new();
    let mut listener = broker.listen("bank", "one").await;
    let mut reply = broker.call("bank").unwrap().reply.unwrap();
    let mut delivery = listener.next().await;
    listener.0.stop_consuming().await;
    drop(listener);
    delivery.ack().await.unwrap();
    let payload = rpc_core::Payload::new(rpc_core::Codec::MessagePack, support::text("done"));
    delivery.reply(Ok(payload)).await.unwrap();
    assert_eq!(support::outcome(&mut reply).await, support::text("done"));
}

#[tokio::test]
async fn a_call_requeued_without_listeners_fails() {
    let broker = TestBroker::new();
    let mut listener = broker.listen("bank", "one").await;
    let mut reply = broker.call("bank").unwrap().reply.unwrap();
    let delivery = listener.next().await;
    drop(listener);
    drop(delivery);
    let ReplyEvent::Failed(error) = event(&mut reply).await else { panic!("not failed") };
    assert_eq!((error.kind(), error.ran()), (TransportErrorKind::MissingServer, Ran::No));
}

#[tokio::test]
async fn a_fanout_call_gets_its_reply_from_the_listener_that_stays() {
    let broker = TestBroker::new();
    let mut stays = broker.listen("bank", "stays").await;
    let leaves = broker.listen("bank", "leaves").await;
    let request = Arc::new(support::call(id(1), std::time::Duration::from_secs(60)));
    let mut reply = broker.transport.send(&fanout("bank"), request).unwrap().reply.unwrap();
    drop(leaves);
    let mut delivery = stays.next().await;
    delivery.ack().await.unwrap();
    let payload = rpc_core::Payload::new(rpc_core::Codec::MessagePack, support::text("here"));
    delivery.reply(Ok(payload)).await.unwrap();
    assert_eq!(support::outcome(&mut reply).await, support::text("here"));
}
