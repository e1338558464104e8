//! Timeouts and call monitoring.

use std::time::{Duration, Instant};

use rpc_core::error::{Ran, TimeoutPhase};
use rpc_core::{CallError, Map, RpcClient};
use rpc_tests::interop::{InteropEnv, cases};

use crate::python_service::{PeerClient, called, ctx, serve};

const SECOND: Duration = Duration::from_secs(1);

async fn a_caller_that_ran_out_of_time_does_not_disturb_the_server(env: InteropEnv) {
    let (mut python, client) = called(&env).await;
    let error = client.sleep(&ctx(), 3.0).timeout(SECOND * 2).await.unwrap_err();
    let CallError::Timeout(timeout) = &error else { panic!("{error:?}") };
    assert_eq!(timeout.phase(), TimeoutPhase::Reply);
    assert_eq!(error.ran(), Ran::Unknown);
    assert_eq!(python.ran().await["method"], "sleep");
    assert_eq!(client.sleep(&ctx(), 1.5).await.unwrap(), 1.5, "late answers disturb nobody");
}

async fn a_result_that_python_cannot_write_is_a_timeout_and_no_hang(env: InteropEnv) {
    let _python = serve(&env).await;
    let client: RpcClient = env.client();
    let client = client.prepare().timeout(SECOND * 2).build();
    let began = Instant::now();
    let error = client.call::<()>(&ctx(), "unencodable", &Map::new()).await.unwrap_err();
    assert!(error.is_timeout() && began.elapsed() < SECOND * 10, "{error:?}");
    let client: PeerClient = env.client();
    assert_eq!(client.who(&ctx()).await.unwrap(), "python");
}

async fn monitor_replies_keep_a_long_call_alive(env: InteropEnv) {
    let (_python, client) = called(&env).await;
    let call = client.sleep(&ctx(), 4.5).monitor(SECOND * 2).timeout(SECOND * 30);
    assert_eq!(call.await.unwrap(), 4.5);
}

async fn a_monitor_period_below_two_seconds_is_not_missed(env: InteropEnv) {
    let (_python, client) = called(&env).await;
    let call = client.sleep(&ctx(), 2.5).monitor(SECOND).timeout(SECOND * 30);
    assert_eq!(call.await.unwrap(), 2.5, "no Python server shows more than one sign a second");
}

async fn a_missed_monitor_ends_a_monitored_call(env: InteropEnv) {
    let (_python, client) = called(&env).await;
    // The thread that would have answered is gone, so no more still-running messages come.
    let call = client.fail(&ctx(), "Fatal".into(), vec!["gone".into()], Map::new());
    let began = Instant::now();
    let error = call.monitor(SECOND * 2).timeout(SECOND * 60).await.unwrap_err();
    let CallError::Timeout(timeout) = &error else { panic!("{error:?}") };
    assert_eq!(timeout.phase(), TimeoutPhase::Monitor);
    assert_eq!(error.ran(), Ran::Unknown);
    assert!(began.elapsed() < SECOND * 30, "{:?}", began.elapsed());
}

async fn a_cancelled_call_does_not_disturb_others(env: InteropEnv) {
    let (mut python, client) = called(&env).await;
    let given_up = tokio::spawn(client.hold(&ctx()).into_future());
    assert_eq!(python.ran().await["method"], "hold");
    given_up.abort();
    python.release().await.unwrap();
    for number in 0..10 {
        assert_eq!(client.add(&ctx(), number, None).await.unwrap(), number + 10);
    }
}

cases! {
    a_caller_that_ran_out_of_time_does_not_disturb_the_server everywhere;
    a_result_that_python_cannot_write_is_a_timeout_and_no_hang;
    monitor_replies_keep_a_long_call_alive everywhere;
    a_monitor_period_below_two_seconds_is_not_missed;
    a_missed_monitor_ends_a_monitored_call;
    a_cancelled_call_does_not_disturb_others;
}
