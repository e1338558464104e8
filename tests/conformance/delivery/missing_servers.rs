//! Targets without a server, and retries of requests that did not run.

use std::collections::HashMap;
use std::time::Duration;

use rpc_core::error::{CallError, Ran, TimeoutPhase};
use rpc_core::server::Concurrency;
use rpc_core::{Context, Retry, RpcClient, Server, Target};
use tokio::time::Instant;

use crate::conformance::harness::{TestEnv, cases};
use crate::conformance::helpers::asserts::{
    assert_interrupted, assert_missing_server, assert_timeout,
};
use crate::conformance::helpers::recording_transport::RecordingTransport;
use crate::conformance::helpers::reporter::poll_once;
use crate::conformance::helpers::work::{Event, Recorder, WorkClient, ended};

const LONG: Duration = Duration::from_secs(3600);

fn ctx() -> Context {
    Context::new()
}

/// Returns a client of the target with this timeout.
fn client(env: &TestEnv, target: Target, timeout: Duration) -> WorkClient {
    env.client_of::<WorkClient>(target).prepare().timeout(timeout).build()
}

/// Asserts that a call fails long before its timeout because no server is there, and returns the error.
async fn at_once<T>(call: impl Future<Output = Result<T, CallError>>) -> CallError {
    let before = Instant::now();
    let error = call.await.err().expect("nobody is there");
    assert!(before.elapsed() < LONG / 100, "it took {:?}", before.elapsed());
    assert_missing_server(&error);
    error
}

async fn a_call_without_a_server_fails_at_once(env: TestEnv) {
    let client = client(&env, env.target(), LONG);
    at_once(client.run(&ctx(), "a".into())).await;
}

async fn a_cast_without_a_server_fails_at_once(env: TestEnv) {
    let client = client(&env, env.target(), LONG);
    at_once(client.run(&ctx(), "a".into()).cast()).await;
}

async fn a_fanout_without_a_server_fails_at_once(env: TestEnv) {
    let client = client(&env, env.target(), LONG);
    at_once(client.run(&ctx(), "a".into()).fanout()).await;
}

async fn a_call_to_a_server_that_is_not_there_fails_at_once(env: TestEnv) {
    env.serve(Recorder::new().work()).await;
    let client = client(&env, env.target(), LONG);
    let error = at_once(client.run(&ctx(), "a".into()).to_server("two")).await;
    assert!(error.to_string().contains("`two`"), "{error}");
    at_once(client.run(&ctx(), "a".into()).cast().to_server("two")).await;
}

async fn a_call_fails_at_once_when_its_server_has_ended(env: TestEnv) {
    let recorder = Recorder::new();
    let server = env.serve(recorder.work()).await;
    let client = client(&env, env.target(), LONG);
    client.run(&ctx(), "a".into()).await.unwrap();
    server.stop();
    server.wait().await.unwrap();
    if !env.broker().deletes_unused_queues() {
        // A consumer check is trusted for this long.
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    at_once(client.run(&ctx(), "a".into())).await;
    env.serve(recorder.work()).await;
    client.run(&ctx(), "a".into()).await.unwrap();
}

async fn pending_calls_fail_when_the_last_server_stops(env: TestEnv) {
    let mut recorder = Recorder::new();
    let builder = env.server("one").endpoint(recorder.work()).concurrency(Concurrency::Limit(1));
    let server = env.start(builder).await;
    let client = client(&env, env.target(), LONG);
    let running = tokio::spawn(client.hold(&ctx(), "running".into()));
    assert_eq!(recorder.began().await, "running");
    // Sent one after the other by one task: each stands in the queue when the task comes to the stop.
    let mut waiting: Vec<_> =
        (0..3).map(|n| Box::pin(client.run(&ctx(), format!("{n}")))).collect();
    for call in &mut waiting {
        assert!(poll_once(call).await.is_none());
    }
    server.stop();
    for call in waiting {
        assert_missing_server(&call.await.unwrap_err());
    }
    recorder.release(1);
    assert_eq!(running.await.unwrap().unwrap(), "running");
    server.wait().await.unwrap();
    assert_eq!(recorder.rest(), [ended("running")]);
}

async fn a_call_can_be_retried_until_a_server_appears(env: TestEnv) {
    let (mut recorder, mut sent) = (Recorder::new(), Recorder::new());
    let retry = Retry::until_deadline().initial_backoff(Duration::from_millis(20));
    let client = observed(&env, &sent, retry);
    let call = tokio::spawn(client.run(&ctx(), "a".into()));
    let cast = tokio::spawn(client.run(&ctx(), "b".into()).cast());
    // The first attempts of both find no server.
    let mut attempts = HashMap::new();
    while attempts.len() < 2 || attempts.values().any(|attempts| *attempts < 3) {
        let Event::Sent(id) = sent.next().await else { panic!("only sending is observed") };
        *attempts.entry(id).or_insert(0) += 1;
    }
    assert!(!call.is_finished() && !cast.is_finished());
    env.serve(recorder.work()).await;
    assert_eq!(call.await.unwrap().unwrap(), "a");
    cast.await.unwrap().unwrap();
    // A cast is over when it has been published; its method runs later.
    recorder.until(&ended("b")).await;
}

async fn retrying_ends_with_the_deadline(env: TestEnv) {
    // The second attempt starts after 1 s to 2 s, and the third one would start after at least 3 s. So no attempt is in flight at
    // the deadline: whether that one ran would be unknown.
    let timeout = Duration::from_secs(3);
    let retry = Retry::until_deadline().initial_backoff(Duration::from_secs(2));
    // Connects, so that the first attempt takes no longer than the others.
    at_once(client(&env, env.target(), LONG).run(&ctx(), "a".into())).await;
    let client = client(&env, env.target(), timeout);
    let client = client.prepare().retry(retry).build();
    let before = Instant::now();
    let error = client.run(&ctx(), "a".into()).await.unwrap_err();
    assert!(before.elapsed() <= timeout * 10);
    assert_eq!((error.ran(), error.may_retry()), (Ran::No, true));
    let before = Instant::now();
    let error = client.run(&ctx(), "a".into()).cast().await.unwrap_err();
    assert!(before.elapsed() <= timeout * 10, "casts, too");
    assert_eq!((error.ran(), error.may_retry()), (Ran::No, true));
}

/// Returns a client that records what it sends.
fn observed(env: &TestEnv, recorder: &Recorder, retry: Retry) -> WorkClient {
    let transport = RecordingTransport::new(env.client_transport(), recorder.log());
    RpcClient::builder(transport, env.target()).retry(retry).build().into()
}

async fn a_call_is_sent_as_often_as_asked_for_and_always_under_the_same_id(env: TestEnv) {
    let mut recorder = Recorder::new();
    let client =
        observed(&env, &recorder, Retry::times(3).initial_backoff(Duration::from_millis(1)));
    let error = client.run(&ctx(), "a".into()).await.unwrap_err();
    assert_missing_server(&error);
    let id = error.info().unwrap().message_id.unwrap();
    assert_eq!(recorder.rest(), [0; 4].map(|_| Event::Sent(id)));
}

async fn a_call_is_sent_once_unless_asked_for_more(env: TestEnv) {
    let mut recorder = Recorder::new();
    let client = observed(&env, &recorder, Retry::never());
    client.run(&ctx(), "a".into()).await.unwrap_err();
    client.run(&ctx(), "a".into()).cast().await.unwrap_err();
    assert_eq!(recorder.rest().len(), 2);
}

async fn what_ran_is_not_sent_again(env: TestEnv) {
    let mut recorder = Recorder::new();
    let builder = env.server("one").endpoint(recorder.work()).shutdown_timeout(Duration::ZERO);
    let server = env.start(builder).await;
    let client: WorkClient = env.client();
    let client = client.prepare().retry(Retry::times(5)).build();
    client.fail(&ctx(), "badly".into()).await.unwrap_err();
    client.fail(&ctx(), "as expected".into()).await.unwrap_err();
    assert_eq!(server.stats().received, 2);
    let call = tokio::spawn(client.hold(&ctx(), "a".into()));
    assert_eq!(recorder.began().await, "a");
    server.stop();
    assert_interrupted(&call.await.unwrap().unwrap_err());
    assert_eq!(server.stats().received, 3);
    assert_eq!(recorder.rest(), [Event::Aborted("a".into())]);
}

async fn what_was_rejected_is_not_sent_again(env: TestEnv) {
    let server = env.serve(Recorder::new().work()).await;
    let client: RpcClient = env.client();
    let client = client.prepare().retry(Retry::times(5)).build();
    let error = client.call::<()>(&ctx(), "fly", &()).await.unwrap_err();
    assert!(matches!(error, CallError::Rejected(_)), "{error:?}");
    assert_eq!(server.stats().received, 1);
}

async fn what_may_have_run_is_not_sent_again(env: TestEnv) {
    let mut recorder = Recorder::new();
    let transport = RecordingTransport::new(env.server_transport(), recorder.log());
    let server = Server::builder(transport.clone(), env.target().server("one"));
    env.start(server.endpoint(recorder.work())).await;
    // The method runs, but its reply is lost.
    transport.fail_replies(1);
    let client =
        observed(&env, &recorder, Retry::times(5).initial_backoff(Duration::from_millis(1)));
    let call = client.run(&ctx(), "a".into()).monitor(Duration::from_secs(1));
    let error = call.await.unwrap_err();
    assert_timeout(&error, TimeoutPhase::Monitor);
    assert_eq!((error.ran(), error.may_retry()), (Ran::Unknown, false));
    let sent = recorder.rest().into_iter().filter(|event| matches!(event, Event::Sent(_)));
    assert_eq!(sent.count(), 1);
}

async fn what_would_fail_again_is_not_sent_again(env: TestEnv) {
    let mut recorder = Recorder::new();
    env.serve(Recorder::new().work()).await;
    let client =
        observed(&env, &recorder, Retry::times(5).initial_backoff(Duration::from_millis(1)));
    client.run(&ctx(), "a".into()).await.unwrap();
    assert_eq!(recorder.rest().len(), 1);
    env.client_transport().close().await;
    let error = client.run(&ctx(), "a".into()).await.unwrap_err();
    assert_eq!((error.ran(), error.may_retry()), (Ran::No, false));
    assert_eq!(recorder.rest().len(), 1);
}

cases! {
    a_call_without_a_server_fails_at_once if detects_missing_server;
    a_cast_without_a_server_fails_at_once if detects_missing_server;
    a_fanout_without_a_server_fails_at_once if detects_missing_server;
    a_call_to_a_server_that_is_not_there_fails_at_once if detects_missing_server;
    a_call_fails_at_once_when_its_server_has_ended if detects_missing_server;
    pending_calls_fail_when_the_last_server_stops if detects_missing_server and deletes_unused_queues;
    a_call_can_be_retried_until_a_server_appears if detects_missing_server;
    retrying_ends_with_the_deadline if detects_missing_server;
    a_call_is_sent_as_often_as_asked_for_and_always_under_the_same_id if detects_missing_server;
    a_call_is_sent_once_unless_asked_for_more if detects_missing_server;
    what_ran_is_not_sent_again;
    what_was_rejected_is_not_sent_again;
    what_may_have_run_is_not_sent_again;
    what_would_fail_again_is_not_sent_again;
}
