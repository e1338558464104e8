//! Cancelled calls: what their methods notice, and which requests never run.

use std::sync::Arc;
use std::time::Duration;

use rpc_core::error::{Ran, TimeoutPhase};
use rpc_core::{Context, RunningServer, Server};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::conformance::harness::{TestEnv, cases};
use crate::conformance::helpers::asserts::assert_timeout;
use crate::conformance::helpers::recording_transport::RecordingTransport;
use crate::conformance::helpers::reporter::{UNTIL_INVOKED, poll_once};
use crate::conformance::helpers::work::{Event, Recorder, WorkClient, began, busy, ended};

const SHORT: Duration = Duration::from_millis(300);

fn ctx() -> Context {
    Context::new()
}

fn cancelled(label: &str) -> Event {
    Event::Cancelled(label.to_owned())
}

async fn a_method_is_told_that_its_caller_dropped_the_call(env: TestEnv) {
    let mut recorder = Recorder::new();
    env.serve(recorder.work()).await;
    let client: WorkClient = env.client();
    let call = tokio::spawn(client.until_cancelled(&ctx(), "a".into()));
    assert_eq!(recorder.began().await, "a");
    call.abort();
    assert_eq!(recorder.next().await, cancelled("a"));
    assert_eq!(recorder.next().await, ended("a"));
}

async fn a_method_is_told_that_its_caller_s_time_is_up(env: TestEnv) {
    let mut recorder = Recorder::new();
    env.serve(recorder.work()).await;
    let client: WorkClient = env.client();
    let call = client.until_cancelled(&ctx(), "a".into()).timeout(UNTIL_INVOKED);
    let error = call.await.unwrap_err();
    assert_timeout(&error, TimeoutPhase::Reply);
    assert_eq!(error.ran(), Ran::Unknown);
    assert_eq!(recorder.began().await, "a");
    assert_eq!(recorder.next().await, cancelled("a"));
}

async fn only_the_method_of_the_cancelled_call_is_told(env: TestEnv) {
    let mut recorder = Recorder::new();
    env.serve(recorder.work()).await;
    let client: WorkClient = env.client();
    let stays = tokio::spawn(client.until_cancelled(&ctx(), "stays".into()));
    assert_eq!(recorder.began().await, "stays");
    let goes = tokio::spawn(client.until_cancelled(&ctx(), "goes".into()));
    assert_eq!(recorder.began().await, "goes");
    goes.abort();
    assert_eq!(recorder.next().await, cancelled("goes"));
    assert_eq!(recorder.next().await, ended("goes"));
    recorder.release(1);
    stays.await.unwrap().unwrap();
    assert_eq!(recorder.rest(), [ended("stays")]);
}

async fn a_call_that_was_dropped_before_its_method_began_never_runs(env: TestEnv) {
    let mut recorder = Recorder::new();
    let server = busy(&env, &mut recorder).await;
    let client: WorkClient = env.client();
    let mut call = Box::pin(client.run(&ctx(), "never".into()));
    // Polled once: it stands in the queue now.
    assert!(poll_once(&mut call).await.is_none());
    drop(call);
    recorder.release(1);
    client.run(&ctx(), "next".into()).await.unwrap();
    server.stop();
    server.wait().await.unwrap();
    assert_eq!(recorder.rest(), [ended("busy"), began("next"), ended("next")]);
}

/// Starts a server that receives a message and cannot invoke its method until there is a permit.
async fn slow(env: &TestEnv, recorder: &Recorder) -> (Arc<RunningServer>, Arc<Semaphore>) {
    let permits = Arc::new(Semaphore::new(0));
    let (serving, log) = (env.server_transport(), recorder.log());
    let transport = RecordingTransport::with_slow_acks(serving, log, Arc::clone(&permits));
    let server = Server::builder(transport, env.target().server("one")).endpoint(recorder.work());
    (env.start(server).await, permits)
}

async fn a_call_that_was_dropped_between_its_delivery_and_its_method_never_runs(env: TestEnv) {
    let mut recorder = Recorder::new();
    let (server, permits) = slow(&env, &recorder).await;
    let client: WorkClient = env.client();
    let call = tokio::spawn(client.run(&ctx(), "never".into()));
    let Event::Received(id) = recorder.next().await else { panic!("the server takes it first") };
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    permits.add_permits(1);
    server.stop();
    server.wait().await.unwrap();
    assert!(!recorder.rest().contains(&began("never")), "{id} ran");
    assert_eq!(server.stats().expired, 1);
}

async fn a_call_whose_time_is_up_between_its_delivery_and_its_method_never_runs(env: TestEnv) {
    let mut recorder = Recorder::new();
    let (server, permits) = slow(&env, &recorder).await;
    let client: WorkClient = env.client();
    let error = client.run(&ctx(), "never".into()).timeout(UNTIL_INVOKED).await.unwrap_err();
    assert_timeout(&error, TimeoutPhase::Reply);
    assert_ne!(error.ran(), Ran::Yes);
    assert!(matches!(recorder.next().await, Event::Received(_)));
    // What a message takes to arrive is not counted.
    sleep(UNTIL_INVOKED).await;
    permits.add_permits(1);
    server.stop();
    server.wait().await.unwrap();
    assert!(!recorder.rest().contains(&began("never")));
    assert_eq!(server.stats().expired, 1);
}

async fn a_caller_whose_method_had_not_begun_knows_that_it_never_will(env: TestEnv) {
    let mut recorder = Recorder::new();
    let server = busy(&env, &mut recorder).await;
    let client: WorkClient = env.client();
    let error = client.run(&ctx(), "never".into()).timeout(SHORT).await.unwrap_err();
    assert_timeout(&error, TimeoutPhase::Reply);
    assert_eq!((error.ran(), error.may_retry()), (Ran::No, true));
    recorder.release(1);
    server.stop();
    server.wait().await.unwrap();
    assert_eq!(recorder.rest(), [ended("busy")]);
}

async fn a_method_that_ignores_cancellation_runs_to_its_end(env: TestEnv) {
    let mut recorder = Recorder::new();
    env.serve(recorder.work()).await;
    let client: WorkClient = env.client();
    let call = tokio::spawn(client.hold(&ctx(), "a".into()));
    assert_eq!(recorder.began().await, "a");
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    recorder.release(1);
    assert_eq!(recorder.next().await, ended("a"));
}

async fn a_caller_that_waits_is_not_reported_as_cancelled(env: TestEnv) {
    let mut recorder = Recorder::new();
    env.serve(recorder.work()).await;
    let client: WorkClient = env.client();
    let call = tokio::spawn(client.until_cancelled(&ctx(), "a".into()));
    assert_eq!(recorder.began().await, "a");
    client.run(&ctx(), "beside".into()).await.unwrap();
    recorder.release(1);
    call.await.unwrap().unwrap();
    assert_eq!(recorder.rest(), [began("beside"), ended("beside"), ended("a")]);
}

cases! {
    a_method_is_told_that_its_caller_dropped_the_call if cancel;
    a_method_is_told_that_its_caller_s_time_is_up if cancel;
    only_the_method_of_the_cancelled_call_is_told if cancel;
    a_call_that_was_dropped_before_its_method_began_never_runs if cancel_is_exact;
    a_call_that_was_dropped_between_its_delivery_and_its_method_never_runs if cancel_is_exact;
    a_call_whose_time_is_up_between_its_delivery_and_its_method_never_runs;
    a_caller_whose_method_had_not_begun_knows_that_it_never_will if cancel_is_exact;
    a_method_that_ignores_cancellation_runs_to_its_end;
    a_caller_that_waits_is_not_reported_as_cancelled;
}
