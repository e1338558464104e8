//! When a message is acknowledged, and what happens to redelivered and duplicate messages.

use std::sync::Arc;
use std::time::Duration;

use rpc_core::error::{Ran, TimeoutPhase};
use rpc_core::server::{AckMode, Concurrency, ServerBuilder};
use rpc_core::{CallError, Context, FailureKind, RpcClient, RunningServer, Server, endpoint};
use tracing::Level;

use crate::conformance::harness::{Logs, TestEnv, cases};
use crate::conformance::helpers::asserts::assert_timeout;
use crate::conformance::helpers::raw::{self, RawListener};
use crate::conformance::helpers::recording_transport::RecordingTransport;
use crate::conformance::helpers::reporter::UNTIL_INVOKED;
use crate::conformance::helpers::work::{Event, Recorder, WorkClient, began, ended};
use crate::support::poll::until;

fn ctx() -> Context {
    Context::new()
}

/// Returns a recorded transport that can be made to fail, and a builder of a server over it.
fn observed(env: &TestEnv, recorder: &Recorder) -> (RecordingTransport, ServerBuilder) {
    let transport = RecordingTransport::new(env.server_transport(), recorder.log());
    let target = env.target().server("one");
    let server = Server::builder(transport.clone(), target).endpoint(recorder.work());
    (transport, server)
}

async fn a_message_is_acknowledged_before_its_method_begins(env: TestEnv) {
    let mut recorder = Recorder::new();
    let (_, server) = observed(&env, &recorder);
    env.start(server).await;
    raw::outcome(&env, raw::call(&env, 1, "run", "a")).await.unwrap();
    let id = raw::id(1);
    assert_eq!(recorder.next().await, Event::Acked(id));
    assert_eq!(recorder.next().await, began("a"));
    assert_eq!(recorder.next().await, ended("a"));
    assert_eq!(recorder.next().await, Event::Replied(id));
}

async fn a_message_can_be_acknowledged_after_its_reply_instead(env: TestEnv) {
    let mut recorder = Recorder::new();
    let (_, server) = observed(&env, &recorder);
    env.start(server.ack_mode(AckMode::AfterReply)).await;
    raw::outcome(&env, raw::call(&env, 1, "run", "a")).await.unwrap();
    let id = raw::id(1);
    assert_eq!(recorder.next().await, began("a"));
    assert_eq!(recorder.next().await, ended("a"));
    assert_eq!(recorder.next().await, Event::Replied(id));
    assert_eq!(recorder.next().await, Event::Acked(id));
}

async fn a_message_that_cannot_be_acknowledged_is_logged_and_runs_when_it_comes_back(env: TestEnv) {
    let logs = Logs::record(Level::WARN);
    let mut recorder = Recorder::new();
    let (transport, server) = observed(&env, &recorder);
    let server = env.start(server.concurrency(Concurrency::Serial)).await;
    transport.fail_acks(1);
    raw::send(&env, raw::cast(&env, 1, "run", "a")).await;
    if env.capabilities().at_least_once {
        assert_eq!(recorder.until(&ended("a")).await.last(), Some(&ended("a")));
        assert_eq!(server.stats().redelivered, 1);
    }
    let client: WorkClient = env.client();
    client.run(&ctx(), "next".into()).await.unwrap();
    let errors = logs.at(Level::ERROR);
    let [error] = errors.as_slice() else { panic!("one error was to be logged: {errors:#?}") };
    assert!(error.says("cannot acknowledge") && error.says(&raw::id(1).to_string()), "{error:?}");
    assert_eq!((server.stats().failed_acks, server.stats().already_begun), (1, 0));
    assert!(!recorder.rest().contains(&began("a")), "it runs once at most");
}

async fn the_caller_of_a_message_whose_acknowledgement_failed_gets_its_result(env: TestEnv) {
    let mut recorder = Recorder::new();
    let (transport, server) = observed(&env, &recorder);
    let server = env.start(server).await;
    transport.fail_acks(1);
    let client: WorkClient = env.client();
    assert_eq!(client.run(&ctx(), "a".into()).await.unwrap(), "a");
    assert_eq!(beginnings(&mut recorder), ["a"]);
    let stats = server.stats();
    assert_eq!((stats.failed_acks, stats.redelivered, stats.already_begun), (1, 1, 0));
}

/// Lets a message be delivered to a listener that gives it back, and then to the server.
async fn redeliver(env: &TestEnv, server: ServerBuilder, send: impl Future<Output = ()>) {
    let mut listener = RawListener::new(env, "vanishing").await;
    let give_back = async {
        let message = listener.next().await;
        assert!(!message.redelivered());
        env.start(server).await;
        message.requeue();
        listener.close().await;
    };
    tokio::join!(send, give_back);
}

async fn a_redelivered_call_that_was_not_begun_here_runs(env: TestEnv) {
    let mut recorder = Recorder::new();
    let server = env.server("one").endpoint(recorder.work());
    let client: WorkClient = env.client();
    let call = async {
        assert_eq!(client.run(&ctx(), "a".into()).await.unwrap(), "a");
    };
    redeliver(&env, server, call).await;
    assert_eq!(recorder.rest(), [began("a"), ended("a")]);
}

async fn a_redelivered_cast_that_was_not_begun_here_runs_and_is_counted(env: TestEnv) {
    let mut recorder = Recorder::new();
    let mut listener = RawListener::new(&env, "vanishing").await;
    let client: WorkClient = env.client();
    client.run(&ctx(), "again".into()).cast().await.unwrap();
    let message = listener.next().await;
    let server = env.server("one").endpoint(recorder.work()).concurrency(Concurrency::Serial);
    let server = env.start(server).await;
    drop(message);
    listener.close().await;
    recorder.until(&ended("again")).await;
    assert_eq!((server.stats().redelivered, server.stats().already_begun), (1, 0));
}

/// An endpoint that tells whether its message was redelivered.
struct Curious;

#[endpoint]
impl Curious {
    pub fn redelivered(&self, ctx: &Context) -> bool {
        ctx.redelivered()
    }
}

async fn a_method_can_ask_whether_its_message_was_redelivered(env: TestEnv) {
    let client: CuriousClient = env.client();
    let server = env.server("one").endpoint(Curious);
    redeliver(&env, server, async { assert!(client.redelivered(&ctx()).await.unwrap()) }).await;
    assert!(!client.redelivered(&ctx()).await.unwrap());
    assert!(!ctx().redelivered());
}

async fn what_a_server_did_not_finish_runs_again_where_it_is_acknowledged_after_the_reply(
    env: TestEnv,
) {
    let mut recorder = Recorder::new();
    let server = |name| {
        let server = env.server(name).endpoint(recorder.work());
        server.ack_mode(AckMode::AfterReply).concurrency(Concurrency::Limit(1))
    };
    let dying = server("dying").shutdown_timeout(Duration::ZERO);
    let dying = env.start(dying).await;
    let client: WorkClient = env.client();
    let call = tokio::spawn(client.hold(&ctx(), "a".into()));
    let other = server("other");
    assert_eq!(recorder.began().await, "a");
    env.start(other).await;
    dying.stop();
    assert_eq!(recorder.next().await, Event::Aborted("a".into()));
    assert_eq!(recorder.next().await, began("a"));
    recorder.release(1);
    assert_eq!(call.await.unwrap().unwrap(), "a", "the caller never notices");
}

async fn a_redelivered_call_may_have_run_when_the_transport_is_closed(env: TestEnv) {
    let mut recorder = Recorder::new();
    let server = |name| {
        let server = env.server(name).endpoint(recorder.work()).shutdown_timeout(Duration::ZERO);
        server.ack_mode(AckMode::AfterReply).concurrency(Concurrency::Limit(1))
    };
    let (dying, busy) = (server("dying"), server("busy"));
    let dying = env.start(dying).await;
    let client: WorkClient = env.client();
    let call = tokio::spawn(client.hold(&ctx(), "a".into()));
    assert_eq!(recorder.began().await, "a");
    env.start(busy).await;
    client.hold(&ctx(), "b".into()).to_server("busy").cast().await.unwrap();
    assert_eq!(recorder.began().await, "b");
    dying.stop();
    assert_eq!(recorder.next().await, Event::Aborted("a".into()));
    dying.wait().await.unwrap();
    env.client_transport().close().await;
    assert_eq!(call.await.unwrap().unwrap_err().ran(), Ran::Unknown);
    // The other server may run it again once it has finished its own.
    recorder.release(2);
    assert_eq!(recorder.next().await, ended("b"));
}

async fn what_comes_back_to_the_server_that_has_begun_it_is_not_begun_again(env: TestEnv) {
    for window in [0, 1024] {
        let mut recorder = Recorder::new();
        let (transport, server) = observed(&env, &recorder);
        let server = server.ack_mode(AckMode::AfterReply).duplicate_window(window);
        let server = env.start(server).await;
        transport.fail_acks(1);
        raw::send(&env, raw::cast(&env, window as u128, "run", "a")).await;
        until("it came back", async || server.stats().already_begun == 1).await;
        let client: WorkClient = env.client();
        client.run(&ctx(), "next".into()).await.unwrap();
        server.stop();
        server.wait().await.unwrap();
        assert_eq!(beginnings(&mut recorder), ["a", "next"]);
        assert_eq!((server.stats().failed_acks, server.stats().already_begun), (1, 1));
    }
}

async fn a_call_that_was_refused_before_it_ran_can_be_sent_again(env: TestEnv) {
    let server = env.start(env.server("one").endpoint(Recorder::new().work())).await;
    for _ in 0..2 {
        let failure = raw::outcome(&env, raw::call(&env, 1, "fly", "a")).await.unwrap_err();
        assert_eq!(failure.kind(), FailureKind::UnknownMethod);
    }
    assert_eq!((server.stats().rejected, server.stats().duplicates), (2, 0));
}

async fn a_reply_that_cannot_be_sent_is_logged_and_the_server_goes_on(env: TestEnv) {
    let logs = Logs::record(Level::WARN);
    let recorder = Recorder::new();
    let (transport, server) = observed(&env, &recorder);
    let server = env.start(server).await;
    transport.fail_replies(1);
    let client: WorkClient = env.client();
    let call = client.run(&ctx(), "lost".into()).timeout(UNTIL_INVOKED);
    let error = call.await.unwrap_err();
    assert_timeout(&error, TimeoutPhase::Reply);
    assert_eq!(error.ran(), Ran::Unknown);
    let errors = logs.at(Level::ERROR);
    let [error] = errors.as_slice() else { panic!("one error was to be logged: {errors:#?}") };
    assert!(error.says("cannot publish the reply, dropped"), "{error:?}");
    assert_eq!(server.stats().failed_replies, 1);
    assert_eq!(client.run(&ctx(), "next".into()).await.unwrap(), "next");
}

/// Sends casts with these ids to an inline server; how often it ran each.
async fn runs(env: &TestEnv, server: ServerBuilder, ids: &[u128]) -> Arc<RunningServer> {
    let server = env.start(server.concurrency(Concurrency::Serial)).await;
    for &id in ids {
        raw::send(env, raw::cast(env, id, "run", &id.to_string())).await;
    }
    // The last in the line, so that all others are through.
    let client: WorkClient = env.client();
    client.run(&ctx(), "last".into()).await.unwrap();
    server
}

fn beginnings(recorder: &mut Recorder) -> Vec<String> {
    let label = |event| match event {
        Event::Began(label) if label != "last" => Some(label),
        _ => None,
    };
    recorder.rest().into_iter().filter_map(label).collect()
}

async fn a_duplicate_message_runs_once_and_is_counted(env: TestEnv) {
    let mut recorder = Recorder::new();
    let server = env.server("one").endpoint(recorder.work());
    let server = runs(&env, server, &[1, 2, 1, 2, 3]).await;
    assert_eq!(beginnings(&mut recorder), ["1", "2", "3"]);
    assert_eq!(server.stats().duplicates, 2);
}

async fn duplicates_are_recognised_within_the_duplicate_window(env: TestEnv) {
    let mut recorder = Recorder::new();
    let server = env.server("one").endpoint(recorder.work()).duplicate_window(2);
    let server = runs(&env, server, &[1, 2, 1, 3, 1]).await;
    assert_eq!(beginnings(&mut recorder), ["1", "2", "3", "1"]);
    assert_eq!(server.stats().duplicates, 1);
}

async fn a_duplicate_window_of_zero_recognises_no_duplicates(env: TestEnv) {
    let mut recorder = Recorder::new();
    let server = env.server("one").endpoint(recorder.work()).duplicate_window(0);
    let server = runs(&env, server, &[1, 1, 1]).await;
    assert_eq!(beginnings(&mut recorder), ["1", "1", "1"]);
    assert_eq!(server.stats().duplicates, 0);
}

async fn the_duplicate_of_a_call_gets_no_reply_of_its_own(env: TestEnv) {
    let mut recorder = Recorder::new();
    let (_, server) = observed(&env, &recorder);
    let server = env.start(server.concurrency(Concurrency::Serial)).await;
    raw::outcome(&env, raw::call(&env, 1, "run", "a")).await.unwrap();
    let mut again = raw::call(&env, 1, "run", "a");
    again.deadline = Some(tokio::time::Instant::now() + UNTIL_INVOKED);
    let event = raw::send(&env, again).await;
    assert!(matches!(event, Some(rpc_core::pending_calls::ReplyEvent::Expired)), "{event:?}");
    let answers = recorder.rest().into_iter().filter(|event| matches!(event, Event::Replied(_)));
    assert_eq!(answers.count(), 1);
    assert_eq!(server.stats().duplicates, 1);
}

async fn what_is_rejected_is_acknowledged_too(env: TestEnv) {
    let mut recorder = Recorder::new();
    let (_, server) = observed(&env, &recorder);
    env.start(server).await;
    let client: RpcClient = env.client();
    let error = client.call::<()>(&ctx(), "fly", &()).await.unwrap_err();
    assert!(matches!(error, CallError::Rejected(_)));
    assert!(matches!(recorder.next().await, Event::Acked(_)));
    let failure = raw::outcome(&env, raw::call(&env, 7, "fly", "a")).await.unwrap_err();
    assert_eq!(failure.kind(), FailureKind::UnknownMethod);
}

cases! {
    a_message_is_acknowledged_before_its_method_begins;
    a_message_can_be_acknowledged_after_its_reply_instead;
    a_message_that_cannot_be_acknowledged_is_logged_and_runs_when_it_comes_back;
    the_caller_of_a_message_whose_acknowledgement_failed_gets_its_result if at_least_once;
    a_redelivered_call_that_was_not_begun_here_runs if at_least_once;
    a_redelivered_cast_that_was_not_begun_here_runs_and_is_counted if at_least_once;
    a_method_can_ask_whether_its_message_was_redelivered if at_least_once;
    what_comes_back_to_the_server_that_has_begun_it_is_not_begun_again if at_least_once;
    a_call_that_was_refused_before_it_ran_can_be_sent_again;
    what_a_server_did_not_finish_runs_again_where_it_is_acknowledged_after_the_reply
        if at_least_once;
    a_redelivered_call_may_have_run_when_the_transport_is_closed if at_least_once;
    a_reply_that_cannot_be_sent_is_logged_and_the_server_goes_on;
    a_duplicate_message_runs_once_and_is_counted;
    duplicates_are_recognised_within_the_duplicate_window;
    a_duplicate_window_of_zero_recognises_no_duplicates;
    the_duplicate_of_a_call_gets_no_reply_of_its_own;
    what_is_rejected_is_acknowledged_too;
}
