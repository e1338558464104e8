//! Brokers that are killed, not there, or out of memory.

use std::time::Duration;

use rpc_core::Transport as _;
use rpc_core::error::Ran;
use rpc_core::server::AckMode;
use rpc_core::transport::ConnectionState;
use rpc_tests::support::rabbitmq::UrlForm;
use tokio::time::{Instant, timeout};

use crate::fault_env::{EVENT_TIMEOUT, FaultEnv, client, own_node, until};
use crate::history::{EventKind, History, Record, Step};
use crate::load::Load;
use crate::promise::Promise;
use crate::rules::assert_kept;
use crate::scenario;
use crate::service::{ServerOptions, serve};
use crate::timer_lag::TimerLag;

scenario!(every_call_ends_when_the_broker_is_killed_and_restarted);
scenario!(every_call_ends_when_there_is_no_broker_yet);
scenario!(calls_wait_no_longer_than_their_deadline_while_the_broker_blocks_publishers);

async fn every_call_ends_when_the_broker_is_killed_and_restarted(form: UrlForm, seed: u64) {
    let node = own_node().await;
    let env = FaultEnv::on(&node, form, "killed").await;
    let mut load = Load::begin(env, seed, AckMode::Confirmed, "").await;
    node.sync().await.unwrap();
    load.go_on(200, 900).await;
    load.record_fault("kill");
    load.promise = Promise::node_killed(AckMode::Confirmed, false);
    node.kill().await.unwrap();
    node.restart().await.unwrap();
    load.record_fault("restarted");
    load.end().await;
}

async fn every_call_ends_when_there_is_no_broker_yet(form: UrlForm, seed: u64) {
    let node = own_node().await;
    let env = FaultEnv::on(&node, form, "not yet").await;
    node.sync().await.unwrap();
    node.kill().await.unwrap();
    let mut load = Load::prepare(env, seed, AckMode::Confirmed, "");
    load.call();
    let history = load.history.clone();
    let restarted = async {
        node.restart().await.unwrap();
        history.record(EventKind::Fault("started".to_owned()));
    };
    // A server that starts waits for its broker.
    let (one, two) = (load.server("one"), load.server("two"));
    let (one, two, ()) = tokio::join!(one, two, restarted);
    load.add(one);
    load.add(two);
    load.end().await;
}

async fn calls_wait_no_longer_than_their_deadline_while_the_broker_blocks_publishers(
    form: UrlForm,
    _: u64,
) {
    let node = own_node().await;
    let env = FaultEnv::on(&node, form, "blocked").await;
    let (history, timer_lag) = (History::begin(), TimerLag::measure());
    let (caller_transport, server_transport) =
        (env.transport(&env.callers, ""), env.transport(&env.servers, ""));
    let server = serve(&server_transport, ServerOptions::named("one"), &history).await;
    let client = client(&caller_transport);
    history.take(&client, Step::call(Duration::ZERO, EVENT_TIMEOUT)).await.unwrap();

    node.alarm(true).await.unwrap();
    // The broker says so to those who publish.
    let mut state = caller_transport.state();
    until("the state tells", async || {
        let _ = history.take(&client, Step::call(Duration::ZERO, Duration::from_millis(50))).await;
        *state.borrow_and_update() == ConnectionState::Blocked
    })
    .await;
    let wait = Duration::from_millis(500);
    let since = Instant::now();
    let blocked = (0..16).map(|number| {
        let (history, client) = (history.clone(), client.clone());
        let step = if number % 2 == 0 { Step::call } else { Step::cast };
        tokio::spawn(async move { history.take(&client, step(Duration::ZERO, wait)).await })
    });
    for told in blocked.collect::<Vec<_>>() {
        let error = told.await.unwrap().unwrap_err();
        assert!(error.is_timeout() && error.ran() == Ran::No, "{error}");
    }
    // Far less than a second each: they wait side by side.
    assert!(since.elapsed() < 4 * wait, "{:?}", since.elapsed());

    node.alarm(false).await.unwrap();
    timeout(EVENT_TIMEOUT, state.wait_for(|state| *state == ConnectionState::Connected))
        .await
        .unwrap()
        .unwrap();
    history.take(&client, Step::call(Duration::ZERO, EVENT_TIMEOUT)).await.unwrap();
    env.until_drained().await;
    server.stop();
    server.wait().await.unwrap();
    assert_kept(&Record::new(history.end(), timer_lag.end().await));
    drop((client, server, state));
    env.close(vec![caller_transport, server_transport]).await;
}
