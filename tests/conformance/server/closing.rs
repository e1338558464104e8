//! Statistics of servers, gauges that return to zero, and closed transports.

use std::time::Duration;

use rpc_core::error::{CallError, Ran, TransportErrorKind};
use rpc_core::server::{ShutdownCause, Stats};
use rpc_core::transport::ConnectionState;
use rpc_core::{Context, RpcClient};

use crate::conformance::harness::{TestEnv, cases};
use crate::conformance::helpers::work::{Recorder, WorkClient, busy};

fn ctx() -> Context {
    Context::new()
}

fn assert_closed<T: std::fmt::Debug>(ended: Result<T, CallError>, ran: Ran) {
    let error = ended.unwrap_err();
    let CallError::Transport(transport) = &error else { panic!("not closed: {error:?}") };
    assert_eq!(transport.kind(), TransportErrorKind::Closed);
    assert_eq!((error.ran(), error.may_retry()), (ran, false));
}

async fn a_server_counts_what_becomes_of_its_messages(env: TestEnv) {
    let mut recorder = Recorder::new();
    let server = env.serve(recorder.work()).await;
    assert_eq!(server.stats(), Stats::default());
    let client: WorkClient = env.client();
    client.run(&ctx(), "a".into()).await.unwrap();
    for how in ["as expected", "by panicking", "badly"] {
        client.fail(&ctx(), how.into()).await.unwrap_err();
    }
    let untyped: RpcClient = env.client();
    untyped.call::<()>(&ctx(), "fly", &()).await.unwrap_err();
    untyped.call::<()>(&ctx(), "run", &()).await.unwrap_err();
    let running = tokio::spawn(client.hold(&ctx(), "b".into()));
    while recorder.next().await != crate::conformance::helpers::work::began("b") {}
    let stats = server.stats();
    assert_eq!((stats.received, stats.in_flight), (7, 1));
    assert_eq!((stats.expected_errors, stats.panics, stats.errors), (1, 1, 1));
    assert_eq!(stats.rejected, 2);
    recorder.release(1);
    running.await.unwrap().unwrap();
}

async fn nothing_is_in_flight_when_all_is_done(env: TestEnv) {
    let mut recorder = Recorder::new();
    let server = env.serve(recorder.work()).await;
    let client: WorkClient = env.client();
    let calls: Vec<_> = (0..40).map(|n| tokio::spawn(client.hold(&ctx(), n.to_string()))).collect();
    for _ in 0..40 {
        recorder.began().await;
    }
    assert_eq!(server.stats().in_flight, 40);
    for call in calls.iter().step_by(2) {
        call.abort();
    }
    recorder.release(40);
    for call in calls {
        let _ = call.await;
    }
    server.stop();
    server.wait().await.unwrap();
    assert_eq!(server.stats().in_flight, 0);
    assert_eq!(env.settled().await, Ok(()));
}

async fn closing_a_transport_ends_its_calls(env: TestEnv) {
    let mut recorder = Recorder::new();
    busy(&env, &mut recorder).await;
    let client: WorkClient = env.client();
    let waiting = tokio::spawn(client.run(&ctx(), "waiting".into()));
    tokio::task::yield_now().await;
    env.client_transport().close().await;
    let error = waiting.await.unwrap().unwrap_err();
    assert_ne!(error.ran(), Ran::Yes);
    let CallError::Transport(transport) = &error else { panic!("not closed: {error:?}") };
    assert_eq!(transport.kind(), TransportErrorKind::Closed);
    recorder.release(1);
}

async fn nobody_knows_whether_a_call_ran_whose_transport_was_closed(env: TestEnv) {
    let mut recorder = Recorder::new();
    env.serve(recorder.work()).await;
    let client: WorkClient = env.client();
    let running = tokio::spawn(client.hold(&ctx(), "a".into()));
    assert_eq!(recorder.began().await, "a");
    env.client_transport().close().await;
    assert_closed(running.await.unwrap(), Ran::Unknown);
    recorder.release(1);
}

async fn a_closed_transport_sends_nothing_more(env: TestEnv) {
    let recorder = Recorder::new();
    env.serve(recorder.work()).await;
    let client: WorkClient = env.client();
    client.run(&ctx(), "a".into()).await.unwrap();
    env.client_transport().close().await;
    env.client_transport().close().await;
    assert_closed(client.run(&ctx(), "b".into()).await, Ran::No);
    assert_closed(client.run(&ctx(), "c".into()).cast().await, Ran::No);
    let stranger: RpcClient = env.client_of(env.target().server("stranger"));
    assert_closed(stranger.call::<()>(&ctx(), "run", &()).await, Ran::No);
}

async fn a_server_finishes_what_it_runs_when_its_transport_is_closed(env: TestEnv) {
    let mut recorder = Recorder::new();
    let server = env.serve(recorder.work()).await;
    let client: WorkClient = env.client();
    client.hold(&ctx(), "a".into()).cast().await.unwrap();
    assert_eq!(recorder.began().await, "a");
    env.server_transport().close().await;
    recorder.release(1);
    let report = server.wait().await.unwrap();
    assert_eq!(
        (report.cause, report.finished, report.aborted),
        (ShutdownCause::ListenerEnded, 1, 0)
    );
}

async fn the_state_of_a_connection_can_be_observed(env: TestEnv) {
    let recorder = Recorder::new();
    env.serve(recorder.work()).await;
    let mut state = env.client_transport().state();
    let client: WorkClient = env.client();
    client.run(&ctx(), "a".into()).await.unwrap();
    assert_eq!(*state.borrow_and_update(), ConnectionState::Connected);
    let transport = env.client_transport();
    let closing = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(10)).await;
        transport.close().await;
    });
    state.wait_for(|state| *state == ConnectionState::Closed).await.unwrap();
    closing.await.unwrap();
}

cases! {
    a_server_counts_what_becomes_of_its_messages;
    nothing_is_in_flight_when_all_is_done;
    closing_a_transport_ends_its_calls;
    nobody_knows_whether_a_call_ran_whose_transport_was_closed;
    a_closed_transport_sends_nothing_more;
    a_server_finishes_what_it_runs_when_its_transport_is_closed;
    the_state_of_a_connection_can_be_observed;
}
