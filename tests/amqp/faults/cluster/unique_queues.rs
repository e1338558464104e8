//! Reply and fanout queues whose node is killed.

use std::time::Duration;

use rpc_core::error::{Ran, TransportErrorKind};
use rpc_core::{CallError, Context, RpcClient, RunningServer, Transport as _};
use rpc_tests::support::rabbitmq::NODES;
use rpc_transport_amqp::AmqpTransport;
use tokio::time::Instant;

use super::env::ClusterEnv;
use super::{FAILOVER, cluster_scenario, warnings_of};
use crate::fault_env::{EVENT_TIMEOUT, client, until};
use crate::history::{EventKind, History, Record, Step};
use crate::rules::assert_kept;
use crate::service::{ServerOptions, ServiceClient, serve};
use crate::timer_lag::TimerLag;

cluster_scenario!(a_client_whose_reply_queue_was_on_a_killed_node_goes_on_with_another_one);
cluster_scenario!(a_client_on_another_node_than_its_reply_queue_goes_on_as_well);
cluster_scenario!(a_server_whose_fanout_queue_was_on_a_killed_node_goes_on_with_another_one);
cluster_scenario!(a_server_on_another_node_than_its_fanout_queue_goes_on_as_well);

/// The reply queue and the connection are on the node that is killed.
async fn a_client_whose_reply_queue_was_on_a_killed_node_goes_on_with_another_one(env: ClusterEnv) {
    lose_reply_queue(env, false).await;
}

/// The reply queue is on the node that is killed, and the connection has moved to another one before.
async fn a_client_on_another_node_than_its_reply_queue_goes_on_as_well(env: ClusterEnv) {
    lose_reply_queue(env, true).await;
}

async fn lose_reply_queue(env: ClusterEnv, move_first: bool) {
    let (history, lag) = (History::begin(), TimerLag::measure());
    let losing_transport = env.quorum_transport(&[0, 1, 2]);
    let losing = client(&losing_transport);
    // It connects, and finds no server.
    let told = history.take(&losing, Step::call(Duration::ZERO, EVENT_TIMEOUT)).await;
    assert!(told.unwrap_err().is_missing_server());
    until("there is a reply queue", async || env.reply_queues().await.len() == 1).await;
    let lost_queue = env.reply_queues().await.remove(0);
    let dying = env.node_of(&lost_queue).await;
    let living = [(dying + 1) % NODES, (dying + 2) % NODES];
    // Neither the server nor the other client nor the topic's leader is on the node that is killed.
    let server_transport = env.quorum_transport(&living[..1]);
    let other_transport = env.quorum_transport(&living[1..]);
    let server = serve(&server_transport, ServerOptions::named("one"), &history).await;
    let other = client(&other_transport);
    for client in [&losing, &other] {
        history.take(client, Step::call(Duration::ZERO, EVENT_TIMEOUT)).await.unwrap();
    }
    if move_first {
        env.move_away(dying).await;
        history.take(&losing, Step::call(Duration::ZERO, EVENT_TIMEOUT)).await.unwrap();
        assert!(env.reply_queues().await.contains(&lost_queue));
    }
    let begun = history.begun();
    let long = [&losing, &losing, &other].map(|client| {
        let (history, client) = (history.clone(), client.clone());
        tokio::spawn(async move {
            let long = Step::call(Duration::from_secs(3), EVENT_TIMEOUT);
            (history.take(&client, long).await, Instant::now())
        })
    });
    until("the methods run", async || history.begun() == begun + 3).await;

    let killed = Instant::now();
    history.record(EventKind::Fault(format!("kill {dying}")));
    env.cluster().nodes()[dying].kill().await.unwrap();
    let working = until_a_call_succeeds(&history, &losing).await;
    let [first, second, third] = long;
    let mut lost_after = Duration::ZERO;
    for lost in [first, second] {
        let (told, at) = lost.await.unwrap();
        let error = told.unwrap_err();
        let CallError::Transport(error) = error else { panic!("another error: {error}") };
        assert_eq!((error.kind(), error.ran()), (TransportErrorKind::Interrupted, Ran::Unknown));
        assert!(error.to_string().contains(&lost_queue), "{error}");
        lost_after = lost_after.max(at - killed);
    }
    third.await.unwrap().0.unwrap();

    let warnings = warnings_of(&lost_queue, 0);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(env.names(dying, &warnings[0]), "{warnings:?}");
    env.heal().await;
    for client in [&losing, &other] {
        history.take(client, Step::call(Duration::ZERO, EVENT_TIMEOUT)).await.unwrap();
    }
    assert!(!env.reply_queues().await.contains(&lost_queue));
    server.stop();
    server.wait().await.unwrap();
    let lag = lag.end().await;
    println!("lost after {lost_after:?}, working after {:?}, lag {lag:?}", working - killed);
    assert!(lost_after < FAILOVER + lag, "{lost_after:?}, lag {lag:?}");
    assert!(working - killed < FAILOVER + lag, "{:?}, lag {lag:?}", working - killed);
    assert_kept(&Record::new(history.end(), lag));
    drop((losing, other, server));
    env.close(vec![losing_transport, other_transport, server_transport]).await;
}

/// Returns when the first call succeeded.
async fn until_a_call_succeeds(history: &History, client: &RpcClient) -> Instant {
    until("calls succeed", async || {
        history.take(client, Step::call(Duration::ZERO, EVENT_TIMEOUT)).await.is_ok()
    })
    .await;
    Instant::now()
}

/// The fanout queue and the connection are on the node that is killed.
async fn a_server_whose_fanout_queue_was_on_a_killed_node_goes_on_with_another_one(
    env: ClusterEnv,
) {
    lose_fanout_queue(env, false).await;
}

/// The fanout queue is on the node that is killed, and the connection has moved to another one before.
async fn a_server_on_another_node_than_its_fanout_queue_goes_on_as_well(env: ClusterEnv) {
    lose_fanout_queue(env, true).await;
}

async fn lose_fanout_queue(env: ClusterEnv, move_first: bool) {
    let (history, lag) = (History::begin(), TimerLag::measure());
    // Has the topic's leader on the first node, as it declares the queue there.
    let first_transport = env.quorum_transport(&[0]);
    let first = serve(&first_transport, ServerOptions::named("first"), &history).await;
    let client = client(&first_transport);
    let others = env.fanout_queues().await;
    let (transport, server, lost_queue, dying) = loop {
        let transport = env.quorum_transport(&[0, 1, 2]);
        let server = serve(&transport, ServerOptions::named("one"), &history).await;
        let queues = env.fanout_queues().await;
        let queue = queues.into_iter().find(|queue| !others.contains(queue)).unwrap();
        match env.node_of(&queue).await {
            0 => stop(server, transport).await,
            node => break (transport, server, queue, node),
        }
    };
    first.stop();
    first.wait().await.unwrap();
    if move_first {
        env.move_away(dying).await;
    }
    until_a_call_succeeds(&history, &client).await;

    let killed = Instant::now();
    history.record(EventKind::Fault(format!("kill {dying}")));
    env.cluster().nodes()[dying].kill().await.unwrap();
    let working = until_a_call_succeeds(&history, &client).await;
    let begun = history.begun();
    let work = ServiceClient::from(client.clone());
    let fanout = async || work.work(&Context::new(), u64::MAX, 0).fanout().await;
    until("a fanout reaches it", async || {
        let _ = fanout().await;
        history.begun() > begun
    })
    .await;
    let reached = Instant::now();
    until("the queue that was given up takes no fanouts", async || fanout().await.is_ok()).await;
    let warnings = warnings_of(&lost_queue, 0);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(env.names(dying, &warnings[0]), "{warnings:?}");
    env.heal().await;
    let fanout_queues = env.fanout_queues().await;
    assert!(fanout_queues.len() == 1 && fanout_queues[0] != lost_queue, "{fanout_queues:?}");
    history.take(&client, Step::call(Duration::ZERO, EVENT_TIMEOUT)).await.unwrap();
    let lag = lag.end().await;
    for (what, at) in [("working", working), ("reached", reached)] {
        println!("{what} after {:?}, lag {lag:?}", at - killed);
        assert!(at - killed < FAILOVER + lag, "{what} after {:?}, lag {lag:?}", at - killed);
    }
    server.stop();
    server.wait().await.unwrap();
    drop((client, first, server));
    env.close(vec![first_transport, transport]).await;
}

async fn stop(server: RunningServer, transport: AmqpTransport) {
    server.stop();
    server.wait().await.unwrap();
    transport.close().await;
}
