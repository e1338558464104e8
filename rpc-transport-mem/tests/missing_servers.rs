//! Messages to nobody, and to servers that leave.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

mod support;

use rpc_core::error::{Ran, SendError, TransportErrorKind};
use rpc_core::pending_calls::ReplyEvent;
use rpc_core::transport::{Route, Transport};
use std::sync::Arc;
use support::{Bench, any, cast, event, fanout, id, server};

fn refused(bench: &Bench, route: &Route) -> SendError {
    let error = bench.transport.send(route, Arc::new(cast(id(1)))).unwrap_err();
    assert_eq!((error.kind(), error.ran()), (TransportErrorKind::MissingServer, Ran::No));
    error
}

#[tokio::test]
async fn a_message_to_an_unknown_topic_is_refused_at_once_and_leaves_nothing_behind() {
    let bench = Bench::new();
    let error = bench.call("bank").unwrap_err();
    assert_eq!((error.kind(), error.ran()), (TransportErrorKind::MissingServer, Ran::No));
    bench.assert_idle();
    // Nothing was made for it either: a listener that comes later finds nothing.
    let mut listener = bench.listen("bank", "one").await;
    assert!(listener.poll().await.is_none());
}

#[tokio::test]
async fn the_refusal_names_where_the_message_was_to_go_and_what_to_do() {
    let bench = Bench::new();
    let _listener = bench.listen("bank", "one").await;
    let to_server = refused(&bench, &server("bank", "two").with_exchange(Some("abroad".into())));
    let text = to_server.to_string();
    for part in ["`bank`", "`two`", "`abroad`", "start one"] {
        assert!(text.contains(part), "no {part} in: {text}");
    }
    assert!(
        refused(&bench, &any("bnak")).to_string().contains("topic `bnak` of the default exchange")
    );
}

#[tokio::test]
async fn a_server_of_another_name_topic_or_exchange_does_not_count() {
    let bench = Bench::new();
    let _listener = bench.listen("bank", "one").await;
    refused(&bench, &server("bank", "two"));
    refused(&bench, &any("shop"));
    refused(&bench, &any("bank").with_exchange(Some("abroad".into())));
    refused(&bench, &fanout("shop"));
}

#[tokio::test]
async fn a_route_finds_a_server_that_came_after_a_refusal() {
    let bench = Bench::new();
    let route = any("bank");
    refused(&bench, &route);
    let mut listener = bench.listen("bank", "one").await;
    bench.put(id(2), &route).await;
    assert_eq!(listener.take().await, id(2));
}

#[tokio::test]
async fn a_route_that_was_used_finds_a_server_that_was_replaced() {
    let bench = Bench::new();
    let route = server("bank", "one");
    for round in 0..3 {
        refused(&bench, &route);
        let mut listener = bench.listen("bank", "one").await;
        // Another queue may stand now where that of the route stood before.
        let _other = bench.listen("bank", "other").await;
        bench.put(id(round), &route).await;
        assert_eq!(listener.take().await, id(round));
    }
}

#[tokio::test]
async fn a_server_that_stops_taking_is_nobody() {
    let bench = Bench::new();
    let mut listener = bench.listen("bank", "one").await;
    listener.0.stop_consuming().await;
    for route in [any("bank"), server("bank", "one"), fanout("bank")] {
        refused(&bench, &route);
    }
}

#[tokio::test]
async fn calls_fail_when_the_last_listener_leaves() {
    let bench = Bench::new();
    let one = bench.listen("bank", "one").await;
    let two = bench.listen("bank", "two").await;
    let mut replies = bench.call("bank").unwrap().reply.unwrap();
    drop(one);
    assert_eq!(bench.transport.queued(), 1, "there is one listener left");
    drop(two);
    let ReplyEvent::Failed(error) = event(&mut replies).await else { panic!("not failed") };
    assert_eq!((error.kind(), error.ran()), (TransportErrorKind::MissingServer, Ran::No));
    drop(replies);
    bench.assert_idle();
}

#[tokio::test]
async fn casts_wait_for_the_next_listener() {
    let bench = Bench::new();
    let listener = bench.listen("bank", "one").await;
    bench.put(id(1), &any("bank")).await;
    bench.put(id(2), &server("bank", "one")).await;
    drop(listener);
    let mut next = bench.listen("bank", "one").await;
    assert_eq!(next.take().await, id(2));
    assert_eq!(next.take().await, id(1));
}

#[tokio::test]
async fn a_fanout_that_its_listener_did_not_take_ends_with_it() {
    let bench = Bench::new();
    let listener = bench.listen("bank", "one").await;
    bench.put(id(1), &fanout("bank")).await;
    drop(listener);
    bench.assert_idle();
}

#[tokio::test]
async fn a_delivery_survives_its_listener_and_goes_back_where_it_came_from() {
    let bench = Bench::new();
    let mut listener = bench.listen("bank", "one").await;
    bench.put(id(1), &server("bank", "one")).await;
    let delivery = listener.next().await;
    drop(listener);
    // Its queue's place is not given away as long as the delivery may come back to it.
    let mut other = bench.listen("bank", "other").await;
    drop(delivery);
    assert!(other.poll().await.is_none());
    let mut same = bench.listen("bank", "one").await;
    let again = same.next().await;
    assert_eq!((again.request().id, again.redelivered()), (id(1), true));
}

#[tokio::test]
async fn a_delivery_can_be_answered_after_its_listener_has_gone() {
    let bench = Bench::new();
    let mut listener = bench.listen("bank", "one").await;
    let mut replies = bench.call("bank").unwrap().reply.unwrap();
    let mut delivery = listener.next().await;
    listener.0.stop_consuming().await;
    drop(listener);
    delivery.ack().await.unwrap();
    let payload = rpc_core::Payload::new(rpc_core::Codec::MessagePack, support::text("done"));
    delivery.reply(Ok(payload)).await.unwrap();
    assert_eq!(support::outcome(&mut replies).await, support::text("done"));
}

#[tokio::test]
async fn a_call_given_back_to_nobody_fails() {
    let bench = Bench::new();
    let mut listener = bench.listen("bank", "one").await;
    let mut replies = bench.call("bank").unwrap().reply.unwrap();
    let delivery = listener.next().await;
    drop(listener);
    drop(delivery);
    let ReplyEvent::Failed(error) = event(&mut replies).await else { panic!("not failed") };
    assert_eq!((error.kind(), error.ran()), (TransportErrorKind::MissingServer, Ran::No));
}

#[tokio::test]
async fn a_fanout_call_is_answered_by_whoever_stays() {
    let bench = Bench::new();
    let mut stays = bench.listen("bank", "stays").await;
    let leaves = bench.listen("bank", "leaves").await;
    let request = Arc::new(support::call(id(1), std::time::Duration::from_secs(60)));
    let mut replies = bench.transport.send(&fanout("bank"), request).unwrap().reply.unwrap();
    drop(leaves);
    let mut delivery = stays.next().await;
    delivery.ack().await.unwrap();
    let payload = rpc_core::Payload::new(rpc_core::Codec::MessagePack, support::text("here"));
    delivery.reply(Ok(payload)).await.unwrap();
    assert_eq!(support::outcome(&mut replies).await, support::text("here"));
}
