//! Every request that wants a reply gets exactly one, and every call ends once, whatever happens.

use std::collections::BTreeMap;
use std::time::Duration;

use rpc_core::error::TimeoutPhase;
use rpc_core::server::Concurrency;
use rpc_core::{CallError, Codec, Context, MessageId, RpcClient, Server};
use tokio::task::yield_now;

use crate::conformance::harness::{TestEnv, cases};
use crate::conformance::helpers::asserts::assert_timeout;
use crate::conformance::helpers::raw;
use crate::conformance::helpers::recording_transport::RecordingTransport;
use crate::conformance::helpers::reporter::UNTIL_INVOKED;
use crate::conformance::helpers::work::{Event, Recorder, WorkClient, began, ended};

fn ctx() -> Context {
    Context::new()
}

/// Returns how many replies each message got.
fn answers(events: impl IntoIterator<Item = Event>) -> BTreeMap<MessageId, usize> {
    let mut answers = BTreeMap::new();
    for event in events {
        if let Event::Replied(id) = event {
            *answers.entry(id).or_default() += 1;
        }
    }
    answers
}

async fn every_call_gets_exactly_one_reply_whatever_happens(env: TestEnv) {
    let mut recorder = Recorder::new();
    let transport = RecordingTransport::new(env.server_transport(), recorder.log());
    let server = Server::builder(transport, env.target().server("one")).endpoint(recorder.work());
    let server = env.start(server.shutdown_timeout(Duration::ZERO)).await;
    let calls = [
        ("run", "a"),
        ("block", "a"),
        ("fly", "a"),
        ("run", ""),
        ("panic_aside", ""),
        ("unencodable", ""),
        ("remaining", ""),
    ];
    recorder.release(1);
    for (number, (method, label)) in calls.into_iter().enumerate() {
        let _ = raw::outcome(&env, raw::call(&env, number as u128, method, label)).await;
    }
    // JSON enough for a transport that writes JSON itself, and no label.
    let garbage = raw::call_with(100, "run", Codec::Json, b"{\"label\": true}".to_vec());
    raw::outcome(&env, garbage).await.unwrap_err();
    let client: WorkClient = env.client();
    for how in ["as expected", "by panicking", "badly"] {
        client.fail(&ctx(), how.into()).await.unwrap_err();
    }
    let aborted = tokio::spawn(client.hold(&ctx(), "aborted".into()));
    let mut events = recorder.until(&began("aborted")).await;
    // With a shutdown timeout of zero, the server would no longer learn that a reply has been confirmed.
    while answers(events.iter().cloned()).len() < 11 {
        events.push(recorder.next().await);
    }
    server.stop();
    aborted.await.unwrap().unwrap_err();
    server.wait().await.unwrap();
    events.extend(recorder.rest());
    assert_eq!(answers(events).into_values().collect::<Vec<_>>(), [1; 12]);
}

async fn a_cast_never_gets_a_reply(env: TestEnv) {
    let mut recorder = Recorder::new();
    let transport = RecordingTransport::new(env.server_transport(), recorder.log());
    let server = Server::builder(transport, env.target().server("one")).endpoint(recorder.work());
    let server = env.start(server.concurrency(Concurrency::Serial)).await;
    let client: WorkClient = env.client();
    client.run(&ctx(), "a".into()).cast().await.unwrap();
    client.fail(&ctx(), "by panicking".into()).cast().await.unwrap();
    client.unencodable(&ctx()).cast().await.unwrap();
    let untyped: RpcClient = env.client();
    untyped.call::<()>(&ctx(), "fly", &()).cast().await.unwrap();
    client.run(&ctx(), "last".into()).cast().await.unwrap();
    let mut events = recorder.until(&began("last")).await;
    server.stop();
    server.wait().await.unwrap();
    events.extend(recorder.rest());
    assert!(answers(events).is_empty());
}

async fn a_panic_gets_a_reply_and_the_server_goes_on(env: TestEnv) {
    let recorder = Recorder::new();
    let server = env.serve(recorder.work()).await;
    let client: WorkClient = env.client();
    let error = client.fail(&ctx(), "by panicking".into()).await.unwrap_err();
    let CallError::Remote(remote) = &error else { panic!("{error:?}") };
    assert!(remote.is_panic());
    assert_eq!(client.run(&ctx(), "next".into()).await.unwrap(), "next");
    assert_eq!(server.stats().panics, 1);
}

async fn a_panic_on_a_blocking_thread_gets_a_reply_too(env: TestEnv) {
    let recorder = Recorder::new();
    let server = env.serve(recorder.work()).await;
    let client: WorkClient = env.client();
    let error = client.panic_aside(&ctx()).await.unwrap_err();
    let CallError::Remote(remote) = &error else { panic!("{error:?}") };
    assert!(remote.is_panic());
    assert_eq!(client.run(&ctx(), "next".into()).await.unwrap(), "next");
    assert_eq!(server.stats().panics, 1);
}

async fn a_result_that_cannot_be_encoded_gets_a_reply(env: TestEnv) {
    let recorder = Recorder::new();
    env.serve(recorder.work()).await;
    let client: RpcClient = env.client();
    let error = client.call::<()>(&ctx(), "unencodable", &()).await.unwrap_err();
    let CallError::Remote(remote) = &error else { panic!("{error:?}") };
    assert!(remote.is_unencodable_result());
}

async fn a_panic_does_not_touch_calls_beside_it(env: TestEnv) {
    let mut recorder = Recorder::new();
    env.serve(recorder.work()).await;
    let client: WorkClient = env.client();
    let beside = tokio::spawn(client.hold(&ctx(), "beside".into()));
    recorder.began().await;
    client.fail(&ctx(), "by panicking".into()).await.unwrap_err();
    recorder.release(1);
    assert_eq!(beside.await.unwrap().unwrap(), "beside");
}

async fn a_late_reply_reaches_no_caller(env: TestEnv) {
    let mut recorder = Recorder::new();
    env.serve(recorder.work()).await;
    let client: WorkClient = env.client();
    let late = client.hold(&ctx(), "late".into()).timeout(UNTIL_INVOKED);
    assert_timeout(&late.await.unwrap_err(), TimeoutPhase::Reply);
    assert_eq!(recorder.began().await, "late");
    let next = tokio::spawn(client.hold(&ctx(), "next".into()));
    assert_eq!(recorder.began().await, "next");
    // Both end now; the late one's answer finds neither its own caller nor another.
    recorder.release(2);
    assert_eq!(next.await.unwrap().unwrap(), "next");
    assert_eq!(recorder.rest(), [ended("late"), ended("next")]);
}

async fn replies_find_their_own_callers_in_any_order(env: TestEnv) {
    let mut recorder = Recorder::new();
    env.serve(recorder.work()).await;
    let client: WorkClient = env.client();
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
        while !matches!(recorder.next().await, Event::Began(_)) {}
    }
    recorder.release(25);
    for (label, call) in calls {
        assert_eq!(call.await.unwrap().unwrap(), label);
    }
}

async fn cancelled_calls_leave_nothing_behind(env: TestEnv) {
    let mut recorder = Recorder::new();
    let builder = env.server("one").endpoint(recorder.work());
    let server = env.start(builder.concurrency(Concurrency::Limit(4))).await;
    let client: WorkClient = env.client();
    let calls: Vec<_> =
        (0..100).map(|number| tokio::spawn(client.hold(&ctx(), format!("{number}")))).collect();
    for _ in 0..4 {
        recorder.began().await;
    }
    for call in calls {
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
    }
    while env.broker().left_behind().await.pending_calls > 0 {
        yield_now().await;
    }
    recorder.release(100);
    assert_eq!(client.run(&ctx(), "next".into()).await.unwrap(), "next");
    server.stop();
    server.wait().await.unwrap();
}

async fn a_call_that_is_not_awaited_sends_nothing(env: TestEnv) {
    let mut recorder = Recorder::new();
    let server = env.serve(recorder.work()).await;
    let client: WorkClient = env.client();
    drop(client.run(&ctx(), "never".into()));
    drop(client.run(&ctx(), "never".into()).cast());
    client.run(&ctx(), "once".into()).await.unwrap();
    assert_eq!(recorder.rest(), [began("once"), ended("once")]);
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
