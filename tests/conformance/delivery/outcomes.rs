//! Every request that wants an answer gets one and no more, and every call has one end, whatever happens.

use std::collections::BTreeMap;
use std::time::Duration;

use rpc_core::error::TimeoutPhase;
use rpc_core::server::Concurrency;
use rpc_core::{CallError, Codec, Context, MessageId, RpcClient, Server};
use tokio::task::yield_now;

use crate::conformance::harness::{World, cases};
use crate::conformance::helpers::asserts::assert_timeout;
use crate::conformance::helpers::raw;
use crate::conformance::helpers::recording_transport::Observed;
use crate::conformance::helpers::witness::UNTIL_INVOKED;
use crate::conformance::helpers::work::{Event, Watch, WorkClient, began, ended};

fn ctx() -> Context {
    Context::new()
}

/// How often each message was answered.
fn answers(events: impl IntoIterator<Item = Event>) -> BTreeMap<MessageId, usize> {
    let mut answers = BTreeMap::new();
    for event in events {
        if let Event::Answered(id) = event {
            *answers.entry(id).or_default() += 1;
        }
    }
    answers
}

async fn every_call_gets_exactly_one_reply_whatever_happens(world: World) {
    let mut watch = Watch::new();
    let transport = Observed::new(world.serving(), watch.log());
    let server = Server::builder(transport, world.target().server("one")).endpoint(watch.work());
    let server = world.start(server.shutdown_timeout(Duration::ZERO)).await;
    let calls = [
        ("run", "a"),
        ("block", "a"),
        ("fly", "a"),
        ("run", ""),
        ("panic_aside", ""),
        ("unencodable", ""),
        ("remaining", ""),
    ];
    watch.release(1);
    for (number, (method, label)) in calls.into_iter().enumerate() {
        let _ = raw::outcome(&world, raw::call(&world, number as u128, method, label)).await;
    }
    // JSON enough for a transport that writes JSON itself, and no label.
    let garbage = raw::call_with(100, "run", Codec::Json, b"{\"label\": true}".to_vec());
    raw::outcome(&world, garbage).await.unwrap_err();
    let client: WorkClient = world.client();
    for how in ["as expected", "by panicking", "badly"] {
        client.fail(&ctx(), how.into()).await.unwrap_err();
    }
    let cut_off = tokio::spawn(client.hold(&ctx(), "cut off".into()));
    let mut events = watch.until(&began("cut off")).await;
    // Without time to drain, the server would no longer learn that an answer has been confirmed.
    while answers(events.iter().cloned()).len() < 11 {
        events.push(watch.next().await);
    }
    server.stop();
    cut_off.await.unwrap().unwrap_err();
    server.wait().await.unwrap();
    events.extend(watch.rest());
    assert_eq!(answers(events).into_values().collect::<Vec<_>>(), [1; 12]);
}

async fn a_cast_never_gets_a_reply(world: World) {
    let mut watch = Watch::new();
    let transport = Observed::new(world.serving(), watch.log());
    let server = Server::builder(transport, world.target().server("one")).endpoint(watch.work());
    let server = world.start(server.concurrency(Concurrency::Serial)).await;
    let client: WorkClient = world.client();
    client.run(&ctx(), "a".into()).cast().await.unwrap();
    client.fail(&ctx(), "by panicking".into()).cast().await.unwrap();
    client.unencodable(&ctx()).cast().await.unwrap();
    let untyped: RpcClient = world.client();
    untyped.call::<()>(&ctx(), "fly", &()).cast().await.unwrap();
    client.run(&ctx(), "last".into()).cast().await.unwrap();
    let mut events = watch.until(&began("last")).await;
    server.stop();
    server.wait().await.unwrap();
    events.extend(watch.rest());
    assert!(answers(events).is_empty());
}

async fn a_panic_gets_a_reply_and_the_server_goes_on(world: World) {
    let watch = Watch::new();
    let server = world.serve(watch.work()).await;
    let client: WorkClient = world.client();
    let error = client.fail(&ctx(), "by panicking".into()).await.unwrap_err();
    let CallError::Remote(remote) = &error else { panic!("{error:?}") };
    assert!(remote.is_panic());
    assert_eq!(client.run(&ctx(), "next".into()).await.unwrap(), "next");
    assert_eq!(server.stats().panics, 1);
}

async fn a_panic_on_a_blocking_thread_gets_a_reply_too(world: World) {
    let watch = Watch::new();
    let server = world.serve(watch.work()).await;
    let client: WorkClient = world.client();
    let error = client.panic_aside(&ctx()).await.unwrap_err();
    let CallError::Remote(remote) = &error else { panic!("{error:?}") };
    assert!(remote.is_panic());
    assert_eq!(client.run(&ctx(), "next".into()).await.unwrap(), "next");
    assert_eq!(server.stats().panics, 1);
}

async fn a_result_that_cannot_be_encoded_gets_a_reply(world: World) {
    let watch = Watch::new();
    world.serve(watch.work()).await;
    let client: RpcClient = world.client();
    let error = client.call::<()>(&ctx(), "unencodable", &()).await.unwrap_err();
    let CallError::Remote(remote) = &error else { panic!("{error:?}") };
    assert!(remote.is_unencodable_result());
}

async fn a_panic_does_not_touch_calls_beside_it(world: World) {
    let mut watch = Watch::new();
    world.serve(watch.work()).await;
    let client: WorkClient = world.client();
    let beside = tokio::spawn(client.hold(&ctx(), "beside".into()));
    watch.began().await;
    client.fail(&ctx(), "by panicking".into()).await.unwrap_err();
    watch.release(1);
    assert_eq!(beside.await.unwrap().unwrap(), "beside");
}

async fn a_late_reply_reaches_no_caller(world: World) {
    let mut watch = Watch::new();
    world.serve(watch.work()).await;
    let client: WorkClient = world.client();
    let late = client.hold(&ctx(), "late".into()).timeout(UNTIL_INVOKED);
    assert_timeout(&late.await.unwrap_err(), TimeoutPhase::Reply);
    assert_eq!(watch.began().await, "late");
    let next = tokio::spawn(client.hold(&ctx(), "next".into()));
    assert_eq!(watch.began().await, "next");
    // Both end now; the late one's answer finds neither its own caller nor another.
    watch.release(2);
    assert_eq!(next.await.unwrap().unwrap(), "next");
    assert_eq!(watch.rest(), [ended("late"), ended("next")]);
}

async fn replies_find_their_own_callers_in_any_order(world: World) {
    let mut watch = Watch::new();
    world.serve(watch.work()).await;
    let client: WorkClient = world.client();
    let calls: Vec<_> = (0..50)
        .map(|number: usize| {
            // Half of them are answered at once, while the other half is held.
            let label = number.to_string();
            let call = if number.is_multiple_of(2) {
                client.hold(&ctx(), label.clone())
            } else {
                client.run(&ctx(), label.clone())
            };
            (label, tokio::spawn(call))
        })
        .collect();
    for _ in 0..25 {
        while !matches!(watch.next().await, Event::Began(_)) {}
    }
    watch.release(25);
    for (label, call) in calls {
        assert_eq!(call.await.unwrap().unwrap(), label);
    }
}

async fn cancelled_calls_leave_nothing_behind(world: World) {
    let mut watch = Watch::new();
    let builder = world.server("one").endpoint(watch.work());
    let server = world.start(builder.concurrency(Concurrency::Limit(4))).await;
    let client: WorkClient = world.client();
    let calls: Vec<_> =
        (0..100).map(|number| tokio::spawn(client.hold(&ctx(), format!("{number}")))).collect();
    for _ in 0..4 {
        watch.began().await;
    }
    for call in calls {
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
    }
    while world.broker().left_behind().await.pending_calls > 0 {
        yield_now().await;
    }
    watch.release(100);
    assert_eq!(client.run(&ctx(), "next".into()).await.unwrap(), "next");
    server.stop();
    server.wait().await.unwrap();
}

async fn a_call_that_is_not_awaited_sends_nothing(world: World) {
    let mut watch = Watch::new();
    let server = world.serve(watch.work()).await;
    let client: WorkClient = world.client();
    drop(client.run(&ctx(), "never".into()));
    drop(client.run(&ctx(), "never".into()).cast());
    client.run(&ctx(), "once".into()).await.unwrap();
    assert_eq!(watch.rest(), [began("once"), ended("once")]);
    assert_eq!(server.stats().received, 1);
}

cases! {
    every_call_gets_exactly_one_reply_whatever_happens;
    a_cast_never_gets_a_reply;
    a_panic_gets_a_reply_and_the_server_goes_on;
    a_panic_on_a_blocking_thread_gets_a_reply_too;
    a_result_that_cannot_be_encoded_gets_a_reply;
    a_panic_does_not_touch_calls_beside_it;
    a_late_reply_reaches_no_caller;
    replies_find_their_own_callers_in_any_order;
    cancelled_calls_leave_nothing_behind;
    a_call_that_is_not_awaited_sends_nothing;
}
