//! Nodes that are killed, restarted and paused while callers call and servers serve.

use std::time::Duration;

use rpc_core::server::AckMode;
use tokio::time::sleep;

use super::cluster_scenario;
use super::env::ClusterEnv;
use crate::load::Load;
use crate::promise::Promise;

cluster_scenario!(
    #[ignore = "takes up to a minute; RPC_TEST_LONG=1 scripts/test runs it"]
    every_call_ends_when_nodes_are_killed
);
cluster_scenario!(
    #[ignore = "takes up to a minute; RPC_TEST_LONG=1 scripts/test runs it"]
    every_call_ends_when_the_nodes_of_classic_queues_are_killed
);
cluster_scenario!(
    #[ignore = "takes up to a minute; RPC_TEST_LONG=1 scripts/test runs it"]
    every_call_ends_when_all_nodes_are_restarted_in_turn
);
cluster_scenario!(
    #[ignore = "takes up to a minute; RPC_TEST_LONG=1 scripts/test runs it"]
    every_call_ends_when_a_node_is_cut_off_from_the_others
);
cluster_scenario!(
    #[ignore = "takes up to a minute; RPC_TEST_LONG=1 scripts/test runs it"]
    every_call_ends_when_the_leader_of_the_topic_hangs
);

/// So long a node is paused until the others take it for dead, and more.
const LONG_PAUSE: Duration = Duration::from_secs(7);

/// So briefly that they do not notice.
const SHORT_PAUSE: Duration = Duration::from_secs(2);

async fn every_call_ends_when_nodes_are_killed(env: ClusterEnv) {
    kill_nodes(&env, env.quorum_option(), Promise::node_killed(AckMode::default(), true)).await;
}

async fn every_call_ends_when_the_nodes_of_classic_queues_are_killed(env: ClusterEnv) {
    kill_nodes(&env, env.durable_option(), Promise::node_killed(AckMode::default(), false)).await;
}

async fn kill_nodes(env: &ClusterEnv, options: &'static str, promise: Promise) {
    let mut load = Load::begin(env.fault_env().await, env.seed, AckMode::default(), options).await;
    load.promise = promise;
    for _ in 0..2 {
        load.go_on(300, 900).await;
        let node = load.rng.pick(&[0, 1, 2]);
        load.record_fault(format!("kill node {node}"));
        env.cluster().nodes()[node].kill().await.unwrap();
        load.go_on(1000, 2000).await;
        load.record_fault("heal");
        env.heal().await;
    }
    load.end().await;
}

async fn every_call_ends_when_all_nodes_are_restarted_in_turn(env: ClusterEnv) {
    let mut load = begin(&env).await;
    for (number, node) in env.cluster().nodes().iter().enumerate() {
        load.go_on(300, 900).await;
        load.record_fault(format!("restart node {number}"));
        node.stop().await.unwrap();
        env.heal().await;
    }
    load.end().await;
}

async fn every_call_ends_when_a_node_is_cut_off_from_the_others(env: ClusterEnv) {
    let mut load = begin(&env).await;
    load.go_on(300, 900).await;
    // The first one answers what the test asks.
    let node = load.rng.pick(&[1, 2]);
    pause(&env, &mut load, node, LONG_PAUSE).await;
    load.end().await;
}

async fn every_call_ends_when_the_leader_of_the_topic_hangs(env: ClusterEnv) {
    let mut load = begin(&env).await;
    for how_long in [SHORT_PAUSE, LONG_PAUSE] {
        load.go_on(300, 900).await;
        let leader = env.node_of(&env.names_of_queues("one").0).await;
        pause(&env, &mut load, leader, how_long).await;
    }
    load.end().await;
}

async fn begin(env: &ClusterEnv) -> Load<'_> {
    Load::begin(env.fault_env().await, env.seed, AckMode::default(), env.quorum_option()).await
}

/// Pauses a node and resumes it. After a long pause it thinks that the others were away, and does not join them by itself: an operator
/// restarts it.
async fn pause(env: &ClusterEnv, load: &mut Load<'_>, node: usize, how_long: Duration) {
    load.record_fault(format!("pause node {node} for {how_long:?}"));
    env.cluster().nodes()[node].pause().await.unwrap();
    sleep(how_long).await;
    load.record_fault(format!("resume node {node}"));
    env.cluster().nodes()[node].resume().await.unwrap();
    load.go_on(500, 1000).await;
    if how_long == LONG_PAUSE {
        load.record_fault(format!("restart node {node}"));
        env.cluster().nodes()[node].kill().await.unwrap();
    }
    env.heal().await;
}
