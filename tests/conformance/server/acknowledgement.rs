//! When a message is acknowledged, and what becomes of one that comes back or comes twice.

use std::sync::Arc;
use std::time::Duration;

use rpc_core::error::{Ran, TimeoutPhase};
use rpc_core::server::{AckMode, Concurrency, ServerBuilder};
use rpc_core::{CallError, Context, FailureKind, RpcClient, RunningServer, Server};
use tracing::Level;

use crate::conformance::harness::{Logs, World, cases};
use crate::conformance::helpers::asserts::{assert_interrupted, assert_timeout};
use crate::conformance::helpers::raw::{self, Ear};
use crate::conformance::helpers::recording_transport::Observed;
use crate::conformance::helpers::witness::UNTIL_INVOKED;
use crate::conformance::helpers::work::{Event, Watch, WorkClient, began, ended};

fn ctx() -> Context {
    Context::new()
}

/// A server over a transport that is observed, and can be told to fail.
fn observed(world: &World, watch: &Watch) -> (Observed, ServerBuilder) {
    let transport = Observed::new(world.serving(), watch.log());
    let target = world.target().server("one");
    let server = Server::builder(transport.clone(), target).endpoint(watch.work());
    (transport, server)
}

async fn a_message_is_acknowledged_before_its_method_begins(world: World) {
    let mut watch = Watch::new();
    let (_, server) = observed(&world, &watch);
    world.start(server).await;
    raw::outcome(&world, raw::call(&world, 1, "run", "a")).await.unwrap();
    let id = raw::id(1);
    assert_eq!(watch.next().await, Event::Acknowledged(id));
    assert_eq!(watch.next().await, began("a"));
    assert_eq!(watch.next().await, ended("a"));
    assert_eq!(watch.next().await, Event::Answered(id));
}

async fn a_message_can_be_acknowledged_after_its_reply_instead(world: World) {
    let mut watch = Watch::new();
    let (_, server) = observed(&world, &watch);
    world.start(server.ack_mode(AckMode::AfterReply)).await;
    raw::outcome(&world, raw::call(&world, 1, "run", "a")).await.unwrap();
    let id = raw::id(1);
    assert_eq!(watch.next().await, began("a"));
    assert_eq!(watch.next().await, ended("a"));
    assert_eq!(watch.next().await, Event::Answered(id));
    assert_eq!(watch.next().await, Event::Acknowledged(id));
}

async fn a_message_that_cannot_be_acknowledged_is_logged_and_skipped(world: World) {
    let logs = Logs::record(Level::WARN);
    let mut watch = Watch::new();
    let (transport, server) = observed(&world, &watch);
    let server = world.start(server.concurrency(Concurrency::Serial)).await;
    transport.fail_acknowledgements(1);
    raw::send(&world, raw::cast(&world, 1, "run", "skipped")).await;
    let client: WorkClient = world.client();
    client.run(&ctx(), "next".into()).await.unwrap();
    let errors = logs.at(Level::ERROR);
    let [error] = errors.as_slice() else { panic!("one error was to be logged: {errors:#?}") };
    assert!(error.says("cannot acknowledge") && error.says(&raw::id(1).to_string()), "{error:?}");
    assert_eq!(server.stats().failed_acks, 1);
    let (mut events, acknowledged) = (watch.rest(), Event::Acknowledged(raw::id(1)));
    if world.capabilities().at_least_once && !events.contains(&acknowledged) {
        // It comes back, and is acknowledged then.
        events.extend(watch.until(&acknowledged).await);
    }
    assert!(!events.contains(&began("skipped")));
}

async fn the_caller_of_a_skipped_message_is_told_when_it_is_redelivered(world: World) {
    let mut watch = Watch::new();
    let (transport, server) = observed(&world, &watch);
    let server = world.start(server).await;
    transport.fail_acknowledgements(1);
    let client: WorkClient = world.client();
    let error = client.run(&ctx(), "a".into()).await.unwrap_err();
    assert_interrupted(&error);
    assert!(!watch.rest().contains(&began("a")));
    let stats = server.stats();
    assert_eq!((stats.failed_acks, stats.redelivered), (1, 1));
}

/// Lets a message be delivered to a listener that gives it back, and then to the server.
async fn redeliver(world: &World, server: ServerBuilder, send: impl Future<Output = ()>) {
    let mut ear = Ear::new(world, "vanishing").await;
    let give_back = async {
        let message = ear.next().await;
        assert!(!message.redelivered());
        world.start(server).await;
        message.requeue();
        ear.close().await;
    };
    tokio::join!(send, give_back);
}

async fn a_redelivered_call_is_not_run_again_and_its_caller_is_told(world: World) {
    let mut watch = Watch::new();
    let server = world.server("one").endpoint(watch.work());
    let client: WorkClient = world.client();
    let call = async {
        assert_interrupted(&client.run(&ctx(), "a".into()).await.unwrap_err());
    };
    redeliver(&world, server, call).await;
    assert_eq!(watch.rest(), []);
}

async fn a_redelivered_cast_is_not_run_again_but_logged_and_counted(world: World) {
    let logs = Logs::record(Level::WARN);
    let mut watch = Watch::new();
    let mut ear = Ear::new(&world, "vanishing").await;
    let client: WorkClient = world.client();
    client.run(&ctx(), "again".into()).cast().await.unwrap();
    let message = ear.next().await;
    let server = world.server("one").endpoint(watch.work()).concurrency(Concurrency::Serial);
    let server = world.start(server).await;
    drop(message);
    ear.close().await;
    client.run(&ctx(), "next".into()).await.unwrap();
    assert_eq!(watch.rest(), [began("next"), ended("next")]);
    assert_eq!(server.stats().redelivered, 1);
    assert!(logs.at(Level::WARN).iter().any(|line| line.says("not run again")));
}

async fn what_is_redelivered_is_run_where_the_server_is_told_to(world: World) {
    let mut watch = Watch::new();
    let server = world.server("one").endpoint(watch.work()).run_redelivered(true);
    let client: WorkClient = world.client();
    let call = async {
        assert_eq!(client.run(&ctx(), "a".into()).await.unwrap(), "a");
    };
    redeliver(&world, server, call).await;
    assert_eq!(watch.rest(), [began("a"), ended("a")]);
}

async fn what_a_server_did_not_finish_runs_again_where_it_is_acknowledged_after_the_reply(
    world: World,
) {
    let mut watch = Watch::new();
    let server = |name| {
        let server = world.server(name).endpoint(watch.work());
        server.ack_mode(AckMode::AfterReply).concurrency(Concurrency::Limit(1))
    };
    let dying = server("dying").shutdown_timeout(Duration::ZERO);
    let dying = world.start(dying).await;
    let client: WorkClient = world.client();
    let call = tokio::spawn(client.hold(&ctx(), "a".into()));
    let other = server("other");
    assert_eq!(watch.began().await, "a");
    world.start(other).await;
    dying.stop();
    assert_eq!(watch.next().await, Event::CutOff("a".into()));
    assert_eq!(watch.next().await, began("a"));
    watch.release(1);
    assert_eq!(call.await.unwrap().unwrap(), "a", "the caller never notices");
}

async fn a_redelivered_call_may_have_run_when_the_transport_is_closed(world: World) {
    let mut watch = Watch::new();
    let server = |name| {
        let server = world.server(name).endpoint(watch.work()).shutdown_timeout(Duration::ZERO);
        server.ack_mode(AckMode::AfterReply).concurrency(Concurrency::Limit(1))
    };
    let (dying, busy) = (server("dying"), server("busy"));
    let dying = world.start(dying).await;
    let client: WorkClient = world.client();
    let call = tokio::spawn(client.hold(&ctx(), "a".into()));
    assert_eq!(watch.began().await, "a");
    world.start(busy).await;
    client.hold(&ctx(), "b".into()).to_server("busy").cast().await.unwrap();
    assert_eq!(watch.began().await, "b");
    dying.stop();
    assert_eq!(watch.next().await, Event::CutOff("a".into()));
    dying.wait().await.unwrap();
    world.calling().close().await;
    assert_eq!(call.await.unwrap().unwrap_err().ran(), Ran::Unknown);
    // The other server may run it again once it has finished its own.
    watch.release(2);
    assert_eq!(watch.next().await, ended("b"));
}

async fn a_method_runs_again_where_its_late_acknowledgement_fails(world: World) {
    let mut watch = Watch::new();
    let (transport, server) = observed(&world, &watch);
    let server = world.start(server.ack_mode(AckMode::AfterReply)).await;
    transport.fail_acknowledgements(1);
    raw::send(&world, raw::cast(&world, 1, "run", "a")).await;
    for _ in 0..2 {
        assert_eq!(watch.next().await, began("a"));
        assert_eq!(watch.next().await, ended("a"));
    }
    assert_eq!(watch.next().await, Event::Acknowledged(raw::id(1)));
    assert_eq!(server.stats().failed_acks, 1);
}

async fn a_reply_that_cannot_be_sent_is_logged_and_the_server_goes_on(world: World) {
    let logs = Logs::record(Level::WARN);
    let watch = Watch::new();
    let (transport, server) = observed(&world, &watch);
    let server = world.start(server).await;
    transport.fail_replies(1);
    let client: WorkClient = world.client();
    let call = client.run(&ctx(), "lost".into()).timeout(UNTIL_INVOKED);
    let error = call.await.unwrap_err();
    assert_timeout(&error, TimeoutPhase::Reply);
    assert_eq!(error.ran(), Ran::Unknown);
    let errors = logs.at(Level::ERROR);
    let [error] = errors.as_slice() else { panic!("one error was to be logged: {errors:#?}") };
    assert!(error.says("cannot send the reply"), "{error:?}");
    assert_eq!(server.stats().failed_replies, 1);
    assert_eq!(client.run(&ctx(), "next".into()).await.unwrap(), "next");
}

/// Sends casts with these ids to an inline server; how often it ran each.
async fn runs(world: &World, server: ServerBuilder, ids: &[u128]) -> Arc<RunningServer> {
    let server = world.start(server.concurrency(Concurrency::Serial)).await;
    for &id in ids {
        raw::send(world, raw::cast(world, id, "run", &id.to_string())).await;
    }
    // The last in the line, so that all others are through.
    let client: WorkClient = world.client();
    client.run(&ctx(), "last".into()).await.unwrap();
    server
}

fn beginnings(watch: &mut Watch) -> Vec<String> {
    let label = |event| match event {
        Event::Began(label) if label != "last" => Some(label),
        _ => None,
    };
    watch.rest().into_iter().filter_map(label).collect()
}

async fn a_duplicate_message_runs_once_and_is_counted(world: World) {
    let mut watch = Watch::new();
    let server = world.server("one").endpoint(watch.work());
    let server = runs(&world, server, &[1, 2, 1, 2, 3]).await;
    assert_eq!(beginnings(&mut watch), ["1", "2", "3"]);
    assert_eq!(server.stats().duplicates, 2);
}

async fn duplicates_are_recognised_within_the_duplicate_window(world: World) {
    let mut watch = Watch::new();
    let server = world.server("one").endpoint(watch.work()).duplicate_window(2);
    let server = runs(&world, server, &[1, 2, 1, 3, 1]).await;
    assert_eq!(beginnings(&mut watch), ["1", "2", "3", "1"]);
    assert_eq!(server.stats().duplicates, 1);
}

async fn a_duplicate_window_of_zero_recognises_no_duplicates(world: World) {
    let mut watch = Watch::new();
    let server = world.server("one").endpoint(watch.work()).duplicate_window(0);
    let server = runs(&world, server, &[1, 1, 1]).await;
    assert_eq!(beginnings(&mut watch), ["1", "1", "1"]);
    assert_eq!(server.stats().duplicates, 0);
}

async fn the_duplicate_of_a_call_gets_no_reply_of_its_own(world: World) {
    let mut watch = Watch::new();
    let (_, server) = observed(&world, &watch);
    let server = world.start(server.concurrency(Concurrency::Serial)).await;
    raw::outcome(&world, raw::call(&world, 1, "run", "a")).await.unwrap();
    let mut again = raw::call(&world, 1, "run", "a");
    again.deadline = Some(tokio::time::Instant::now() + UNTIL_INVOKED);
    let event = raw::send(&world, again).await;
    assert!(matches!(event, Some(rpc_core::pending_calls::ReplyEvent::Expired)), "{event:?}");
    let answers = watch.rest().into_iter().filter(|event| matches!(event, Event::Answered(_)));
    assert_eq!(answers.count(), 1);
    assert_eq!(server.stats().duplicates, 1);
}

async fn what_is_rejected_is_acknowledged_too(world: World) {
    let mut watch = Watch::new();
    let (_, server) = observed(&world, &watch);
    world.start(server).await;
    let client: RpcClient = world.client();
    let error = client.call::<()>(&ctx(), "fly", &()).await.unwrap_err();
    assert!(matches!(error, CallError::Rejected(_)));
    assert!(matches!(watch.next().await, Event::Acknowledged(_)));
    let failure = raw::outcome(&world, raw::call(&world, 7, "fly", "a")).await.unwrap_err();
    assert_eq!(failure.kind(), FailureKind::UnknownMethod);
}

cases! {
    a_message_is_acknowledged_before_its_method_begins;
    a_message_can_be_acknowledged_after_its_reply_instead;
    a_message_that_cannot_be_acknowledged_is_logged_and_skipped;
    the_caller_of_a_skipped_message_is_told_when_it_is_redelivered if at_least_once;
    a_redelivered_call_is_not_run_again_and_its_caller_is_told if at_least_once;
    a_redelivered_cast_is_not_run_again_but_logged_and_counted if at_least_once;
    what_is_redelivered_is_run_where_the_server_is_told_to if at_least_once;
    what_a_server_did_not_finish_runs_again_where_it_is_acknowledged_after_the_reply
        if at_least_once;
    a_redelivered_call_may_have_run_when_the_transport_is_closed if at_least_once;
    a_method_runs_again_where_its_late_acknowledgement_fails if at_least_once;
    a_reply_that_cannot_be_sent_is_logged_and_the_server_goes_on;
    a_duplicate_message_runs_once_and_is_counted;
    duplicates_are_recognised_within_the_duplicate_window;
    a_duplicate_window_of_zero_recognises_no_duplicates;
    the_duplicate_of_a_call_gets_no_reply_of_its_own;
    what_is_rejected_is_acknowledged_too;
}
