//! Starting, stopping and waiting for a server.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rpc_core::server::{Concurrency, ShutdownCause, WaitError};
use rpc_core::{Context, RunningServer, Server, endpoint};
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::task::yield_now;

use crate::conformance::harness::{TestEnv, cases};
use crate::conformance::helpers::asserts::assert_interrupted;
use crate::conformance::helpers::recording_transport::RecordingTransport;
use crate::conformance::helpers::reporter::UNTIL_INVOKED;
use crate::conformance::helpers::work::{
    Control, ControlClient, Event, Recorder, WorkClient, began, ended,
};

fn ctx() -> Context {
    Context::new()
}

/// Waits inside its methods for the server it was given.
#[derive(Default)]
struct Waiting(Arc<OnceLock<Arc<RunningServer>>>);

#[endpoint]
impl Waiting {
    /// Returns the result of the wait.
    pub async fn wait(&self, _ctx: &Context) -> Option<String> {
        let server = self.0.get().unwrap();
        server.wait().await.err().map(|error| error.to_string())
    }

    /// Does the same on a thread that may block.
    #[rpc(blocking)]
    pub fn wait_aside(&self, _ctx: &Context) -> Option<String> {
        let server = self.0.get().unwrap();
        Handle::current().block_on(server.wait()).err().map(|error| error.to_string())
    }
}

async fn an_endpoint_can_own_the_handle_that_stops_its_server(env: TestEnv) {
    let builder = env.server("one");
    let control = Control { server: builder.stop_handle() };
    let server = env.start(builder.endpoint(control)).await;
    let client: ControlClient = env.client();
    client.stop(&ctx()).await.expect("the reply to the call that stops the server is sent");
    let report = server.wait().await.unwrap();
    assert_eq!(report.cause, ShutdownCause::Stopped);
    assert_eq!(report.aborted, 0);
}

async fn stopping_twice_is_stopping_once(env: TestEnv) {
    let recorder = Recorder::new();
    let server = env.serve(recorder.work()).await;
    let handle = server.stop_handle();
    assert!(!handle.is_stopped());
    server.stop();
    handle.stop();
    assert!(handle.is_stopped());
    handle.stopped().await;
    assert_eq!(server.wait().await.unwrap().cause, ShutdownCause::Stopped);
    server.stop();
    assert_eq!(server.wait().await.unwrap().cause, ShutdownCause::Stopped);
}

async fn a_server_that_was_stopped_before_its_start_receives_nothing(env: TestEnv) {
    let mut recorder = Recorder::new();
    let builder = env.server("one").endpoint(recorder.work());
    builder.stop_handle().stop();
    let server = env.start(builder).await;
    assert_eq!(server.wait().await.unwrap().cause, ShutdownCause::Stopped);
    assert_eq!(server.stats().received, 0);
    assert_eq!(recorder.rest(), []);
}

async fn waiting_before_the_stop_waits_for_it(env: TestEnv) {
    let recorder = Recorder::new();
    let server = env.serve(recorder.work()).await;
    let waiting = tokio::spawn({
        let server = Arc::clone(&server);
        async move { server.wait().await }
    });
    let client: WorkClient = env.client();
    client.run(&ctx(), "a".into()).await.unwrap();
    assert!(!waiting.is_finished(), "nobody has stopped the server");
    server.stop();
    assert_eq!(waiting.await.unwrap().unwrap().cause, ShutdownCause::Stopped);
}

async fn several_can_wait_and_get_the_same_report(env: TestEnv) {
    let mut recorder = Recorder::new();
    let server = env.serve(recorder.work()).await;
    let client: WorkClient = env.client();
    let call = tokio::spawn(client.hold(&ctx(), "a".into()));
    recorder.began().await;
    server.stop();
    recorder.release(1);
    let (one, two) = tokio::join!(server.wait(), server.wait());
    call.await.unwrap().unwrap();
    assert_eq!(one.clone().unwrap(), two.unwrap());
    assert_eq!(server.wait().await.unwrap(), one.unwrap());
}

async fn waiting_inside_a_method_is_an_error(env: TestEnv) {
    let endpoint = Waiting::default();
    let own = Arc::clone(&endpoint.0);
    let server = env.serve(endpoint).await;
    own.set(server).unwrap();
    let client: WaitingClient = env.client();
    let error = client.wait(&ctx()).await.unwrap().expect("the server cannot be waited for");
    let inside = WaitError::InsideMethod { server: "one".into() };
    assert_eq!(error, inside.to_string());
    // Once it has been stopped as well.
    own.get().unwrap().stop();
}

async fn waiting_inside_a_blocking_method_is_an_error(env: TestEnv) {
    let endpoint = Waiting::default();
    let own = Arc::clone(&endpoint.0);
    let server = env.serve(endpoint).await;
    own.set(server).unwrap();
    let client: WaitingClient = env.client();
    let error = client.wait_aside(&ctx()).await.unwrap().expect("the server cannot be waited for");
    assert_eq!(error, WaitError::InsideMethod { server: "one".into() }.to_string());
}

async fn a_method_can_wait_for_another_server(env: TestEnv) {
    let recorder = Recorder::new();
    let other = env.server("other").endpoint(recorder.work());
    let other = env.start(other).await;
    let endpoint = Waiting::default();
    endpoint.0.set(Arc::clone(&other)).unwrap();
    env.serve(endpoint).await;
    let client: WaitingClient = env.client_of(env.target().server("one"));
    let waiting = tokio::spawn(client.wait(&ctx()));
    yield_now().await;
    other.stop();
    assert_eq!(waiting.await.unwrap().unwrap(), None);
}

async fn run_until_ends_with_its_signal(env: TestEnv) {
    let mut recorder = Recorder::new();
    let (signal, signalled) = oneshot::channel::<()>();
    let server = env.server("one").endpoint(recorder.work()).build().unwrap();
    let handle = server.stop_handle();
    let running = tokio::spawn(server.run_until(signalled));
    let client: WorkClient = retrying_client(&env);
    let call = tokio::spawn(client.hold(&ctx(), "a".into()));
    recorder.began().await;
    signal.send(()).unwrap();
    handle.stopped().await;
    assert!(!running.is_finished(), "it waits for what it runs");
    recorder.release(1);
    assert_eq!(call.await.unwrap().unwrap(), "a");
    let report = running.await.unwrap().unwrap();
    assert_eq!((report.cause, report.finished, report.aborted), (ShutdownCause::Stopped, 1, 0));
}

/// Returns a client that retries until its server has started.
fn retrying_client<C: From<rpc_core::RpcClient>>(env: &TestEnv) -> C {
    let client: rpc_core::RpcClient = env.client();
    let retry = rpc_core::Retry::until_deadline().initial_backoff(Duration::from_millis(10));
    C::from(client.prepare().retry(retry).build())
}

async fn run_until_ends_when_a_method_stops_the_server(env: TestEnv) {
    let builder = env.server("one");
    let control = Control { server: builder.stop_handle() };
    let server = builder.endpoint(control).build().unwrap();
    let running = tokio::spawn(server.run_until(std::future::pending::<()>()));
    retrying_client::<ControlClient>(&env).stop(&ctx()).await.unwrap();
    assert_eq!(running.await.unwrap().unwrap().cause, ShutdownCause::Stopped);
}

async fn dropping_a_running_server_stops_it(env: TestEnv) {
    let mut recorder = Recorder::new();
    let server = env.server("one").endpoint(recorder.work()).build().unwrap();
    let handle = server.stop_handle();
    let running = server.start().await.unwrap();
    let client: WorkClient = env.client();
    let call = tokio::spawn(client.hold(&ctx(), "a".into()));
    recorder.began().await;
    drop(running);
    assert!(handle.is_stopped());
    recorder.release(1);
    assert_eq!(call.await.unwrap().unwrap(), "a", "it drains in the background");
}

async fn dropping_run_until_stops_the_server(env: TestEnv) {
    let mut recorder = Recorder::new();
    let server = env.server("one").endpoint(recorder.work()).build().unwrap();
    let handle = server.stop_handle();
    let running = tokio::spawn(server.run_until(std::future::pending::<()>()));
    let client: WorkClient = retrying_client(&env);
    let call = tokio::spawn(client.hold(&ctx(), "a".into()));
    recorder.began().await;
    running.abort();
    handle.stopped().await;
    recorder.release(1);
    assert_eq!(call.await.unwrap().unwrap(), "a", "it drains in the background");
}

async fn a_stopped_server_finishes_what_it_runs(env: TestEnv) {
    let mut recorder = Recorder::new();
    let server = env.serve(recorder.work()).await;
    let client: WorkClient = env.client();
    let call = tokio::spawn(client.hold(&ctx(), "call".into()));
    assert_eq!(recorder.began().await, "call");
    client.hold(&ctx(), "cast".into()).cast().await.unwrap();
    assert_eq!(recorder.began().await, "cast");
    server.stop();
    recorder.release(2);
    assert_eq!(call.await.unwrap().unwrap(), "call");
    let report = server.wait().await.unwrap();
    assert_eq!((report.cause, report.finished, report.aborted), (ShutdownCause::Stopped, 2, 0));
    assert_eq!(recorder.rest(), [ended("call"), ended("cast")]);
}

async fn the_shutdown_timeout_aborts_what_still_runs(env: TestEnv) {
    abort_at_the_timeout(env, Concurrency::default()).await;
}

async fn the_shutdown_timeout_aborts_the_method_of_a_serial_server_too(env: TestEnv) {
    abort_at_the_timeout(env, Concurrency::Serial).await;
}

async fn abort_at_the_timeout(env: TestEnv, concurrency: Concurrency) {
    let mut recorder = Recorder::new();
    let builder = env.server("one").endpoint(recorder.work()).concurrency(concurrency);
    let server = env.start(builder.shutdown_timeout(Duration::from_millis(100))).await;
    let client: WorkClient = env.client();
    let call = tokio::spawn(client.hold(&ctx(), "a".into()));
    recorder.began().await;
    server.stop();
    let error = call.await.unwrap().unwrap_err();
    assert_interrupted(&error);
    let report = server.wait().await.unwrap();
    assert_eq!((report.cause, report.finished, report.aborted), (ShutdownCause::Stopped, 0, 1));
    assert_eq!(server.stats().interrupted, 1);
    assert_eq!(recorder.rest(), [Event::Aborted("a".into())]);
}

async fn a_monitored_call_is_aborted_like_any_other(env: TestEnv) {
    let mut recorder = Recorder::new();
    let builder = env.server("one").endpoint(recorder.work());
    let server = env.start(builder.shutdown_timeout(Duration::from_millis(100))).await;
    let client: WorkClient = env.client();
    let call = client.hold(&ctx(), "a".into()).monitor(Duration::from_secs(10));
    let call = tokio::spawn(call);
    recorder.began().await;
    server.stop();
    assert_interrupted(&call.await.unwrap().unwrap_err());
    assert_eq!(server.wait().await.unwrap().aborted, 1);
    assert_eq!(recorder.rest(), [Event::Aborted("a".into())]);
}

async fn shutdown_does_not_wait_for_a_blocking_method_beyond_its_timeout(env: TestEnv) {
    let mut recorder = Recorder::new();
    let limit = Duration::from_millis(100);
    let builder = env.server("one").endpoint(recorder.work()).shutdown_timeout(limit);
    let server = env.start(builder).await;
    let client: WorkClient = env.client();
    let call = tokio::spawn(client.block(&ctx(), "a".into()));
    recorder.began().await;
    server.stop();
    env.advance_time(limit * 2).await;
    assert_interrupted(&call.await.unwrap().unwrap_err());
    assert_eq!(server.wait().await.unwrap().aborted, 1);
    assert_eq!(recorder.rest(), [], "it goes on");
    recorder.release(1);
    assert_eq!(recorder.next().await, ended("a"), "and nobody hears of it");
}

async fn shutdown_tells_what_finished_from_what_was_aborted(env: TestEnv) {
    let mut recorder = Recorder::new();
    let builder = env.server("one").endpoint(recorder.work());
    let server = env.start(builder.shutdown_timeout(UNTIL_INVOKED)).await;
    let client: WorkClient = env.client();
    let calls = ["a", "b", "c"].map(|label| tokio::spawn(client.hold(&ctx(), label.into())));
    for _ in 0..3 {
        recorder.began().await;
    }
    server.stop();
    recorder.release(1);
    let report = server.wait().await.unwrap();
    assert_eq!((report.finished, report.aborted), (1, 2));
    let mut answered = 0;
    for call in calls {
        answered += usize::from(call.await.unwrap().is_ok());
    }
    assert_eq!(answered, 1);
}

async fn shutdown_counts_what_a_serial_server_finished(env: TestEnv) {
    let mut recorder = Recorder::new();
    let builder = env.server("one").endpoint(recorder.work()).concurrency(Concurrency::Serial);
    let server = env.start(builder).await;
    let client: WorkClient = env.client();
    let call = tokio::spawn(client.hold(&ctx(), "a".into()));
    recorder.began().await;
    server.stop();
    recorder.release(1);
    call.await.unwrap().unwrap();
    let report = server.wait().await.unwrap();
    assert_eq!((report.finished, report.aborted), (1, 0));
}

/// Its method panics when it is aborted.
struct Clinging(Arc<Notify>);

struct Hold;

impl Drop for Hold {
    fn drop(&mut self) {
        panic!("not yet");
    }
}

#[endpoint(namespace = "clinging")]
impl Clinging {
    pub async fn cling(&self, _ctx: &Context) {
        let _hold = Hold;
        self.0.notify_one();
        std::future::pending::<()>().await;
    }
}

async fn a_method_that_panics_when_it_is_aborted_does_not_prevent_the_report(env: TestEnv) {
    for concurrency in [Concurrency::default(), Concurrency::Serial] {
        let began = Arc::new(Notify::new());
        let builder = env.server("one").endpoint(Clinging(Arc::clone(&began)));
        let builder = builder.concurrency(concurrency).shutdown_timeout(Duration::from_millis(100));
        let server = env.start(builder).await;
        let client: ClingingClient = env.client();
        let call = tokio::spawn(client.cling(&ctx()));
        began.notified().await;
        server.stop();
        assert_interrupted(&call.await.unwrap().unwrap_err());
        assert_eq!(server.wait().await.unwrap().aborted, 1);
    }
}

async fn consuming_that_fails_is_retried_and_yields_to_other_tasks(env: TestEnv) {
    let recorder = Recorder::new();
    let transport = RecordingTransport::new(env.server_transport(), recorder.log());
    transport.fail_consuming(1_000_000);
    let target = env.target().server("one");
    env.start(Server::builder(transport.clone(), target).endpoint(recorder.work())).await;
    yield_now().await;
    assert!(transport.fail_consuming(0) > 0, "the server has not let go of the thread");
    let client: WorkClient = env.client();
    assert_eq!(client.run(&ctx(), "a".into()).await.unwrap(), "a");
}

async fn a_stopped_server_receives_nothing_more_and_another_runs_it(env: TestEnv) {
    let mut recorder = Recorder::new();
    let builder = env.server("one").endpoint(recorder.work()).concurrency(Concurrency::Limit(1));
    let one = env.start(builder).await;
    let client: WorkClient = env.client();
    let held = tokio::spawn(client.hold(&ctx(), "held".into()));
    assert_eq!(recorder.began().await, "held");
    client.run(&ctx(), "waiting".into()).cast().await.unwrap();
    one.stop();
    recorder.release(1);
    held.await.unwrap().unwrap();
    one.wait().await.unwrap();
    assert_eq!(recorder.rest(), [ended("held")]);
    assert_eq!(one.stats().received, 1);

    env.start(env.server("two").endpoint(recorder.work())).await;
    assert_eq!(recorder.next().await, began("waiting"));
}

async fn a_new_server_can_take_the_place_of_one_that_ended(env: TestEnv) {
    let recorder = Recorder::new();
    let client: WorkClient = env.client();
    for round in ["first", "second", "third"] {
        let server = env.serve(recorder.work()).await;
        assert_eq!(client.run(&ctx(), round.into()).await.unwrap(), round);
        server.stop();
        server.wait().await.unwrap();
    }
}

async fn a_server_cannot_start_on_a_closed_transport(env: TestEnv) {
    let transport = env.connect().await;
    transport.close().await;
    let target = env.target().server("late");
    let server = Server::builder(transport, target).endpoint(Recorder::new().work());
    let error = server.build().unwrap().start().await.unwrap_err().to_string();
    for part in [env.topic().as_str(), "late", "closed"] {
        assert!(error.contains(part), "`{part}` should stand in: {error}");
    }
}

async fn a_server_ends_with_its_transport(env: TestEnv) {
    let recorder = Recorder::new();
    let server = env.serve(recorder.work()).await;
    env.server_transport().close().await;
    assert_eq!(server.wait().await.unwrap().cause, ShutdownCause::ListenerEnded);
}

cases! {
    an_endpoint_can_own_the_handle_that_stops_its_server;
    stopping_twice_is_stopping_once;
    a_server_that_was_stopped_before_its_start_receives_nothing;
    waiting_before_the_stop_waits_for_it;
    several_can_wait_and_get_the_same_report;
    waiting_inside_a_method_is_an_error;
    waiting_inside_a_blocking_method_is_an_error;
    a_method_can_wait_for_another_server;
    run_until_ends_with_its_signal;
    run_until_ends_when_a_method_stops_the_server;
    dropping_a_running_server_stops_it;
    dropping_run_until_stops_the_server;
    a_stopped_server_finishes_what_it_runs;
    the_shutdown_timeout_aborts_what_still_runs;
    the_shutdown_timeout_aborts_the_method_of_a_serial_server_too;
    a_monitored_call_is_aborted_like_any_other;
    shutdown_does_not_wait_for_a_blocking_method_beyond_its_timeout;
    shutdown_tells_what_finished_from_what_was_aborted;
    shutdown_counts_what_a_serial_server_finished;
    a_method_that_panics_when_it_is_aborted_does_not_prevent_the_report;
    consuming_that_fails_is_retried_and_yields_to_other_tasks;
    a_stopped_server_receives_nothing_more_and_another_runs_it;
    a_new_server_can_take_the_place_of_one_that_ended;
    a_server_cannot_start_on_a_closed_transport;
    a_server_ends_with_its_transport;
}
