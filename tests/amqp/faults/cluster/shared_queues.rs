//! Classic queues of topics and servers whose node is down.

use std::time::Duration;

use rpc_core::{Context, RpcClient, Transport as _};
use tokio::time::{Instant, sleep, timeout};

use super::env::ClusterEnv;
use super::{cluster_scenario, warnings_of};
use crate::fault_env::{EVENT_TIMEOUT, client, until};
use crate::history::{History, Step};
use crate::log::warnings_so_far;
use crate::service::{ServerOptions, ServiceClient, serve};

cluster_scenario!(a_server_consumes_its_topic_while_the_node_of_its_own_queue_is_down);
cluster_scenario!(a_server_consumes_its_own_queue_while_the_node_of_its_topic_is_down);

/// How often a warning would come in this time if each attempt logged one.
const OUTAGE: Duration = Duration::from_secs(3);

/// Which of a server's queues is on the node that is killed.
#[derive(Copy, Clone, PartialEq, Eq)]
enum Lost {
    Topic,
    Server,
}

async fn a_server_consumes_its_topic_while_the_node_of_its_own_queue_is_down(env: ClusterEnv) {
    lose(env, Lost::Server).await;
}

async fn a_server_consumes_its_own_queue_while_the_node_of_its_topic_is_down(env: ClusterEnv) {
    lose(env, Lost::Topic).await;
}

/// Declares a server's queues over a node, and leaves them there.
async fn declare_over(env: &ClusterEnv, node: usize, server: &'static str, history: &History) {
    let transport = env.durable_transport(&[node]);
    let server = serve(&transport, ServerOptions::named(server), history).await;
    server.stop();
    server.wait().await.unwrap();
    transport.close().await;
}

/// Has the topic's queue on one node and the server's own one on another, and kills one of the two. The connections are on the third.
async fn lose(env: ClusterEnv, lost: Lost) {
    let (history, first) = (History::begin(), warnings_so_far());
    // Declares the topic, and the queue of a server that is not there later.
    declare_over(&env, 0, "first", &history).await;
    declare_over(&env, 1, "one", &history).await;
    let (topic, own) = env.names_of_queues("one");
    assert_eq!((env.node_of(&topic).await, env.node_of(&own).await), (0, 1));
    let transport = env.durable_transport(&[2]);
    let server = serve(&transport, ServerOptions::named("one"), &history).await;
    let client = client(&transport);
    let direct = async || call_server(&client, &history).await;
    history.take(&client, Step::call(Duration::ZERO, EVENT_TIMEOUT)).await.unwrap();
    assert!(direct().await);

    let (dying, queue) = match lost {
        Lost::Topic => (0, &topic),
        Lost::Server => (1, &own),
    };
    env.cluster().nodes()[0].sync().await.unwrap();
    env.cluster().nodes()[1].sync().await.unwrap();
    env.cluster().nodes()[dying].kill().await.unwrap();
    until("the queue is left out", async || !warnings_of(queue, first).is_empty()).await;
    let begun = Instant::now();
    while begun.elapsed() < OUTAGE {
        match lost {
            Lost::Topic => assert!(direct().await, "its own queue is not consumed"),
            Lost::Server => {
                let step = Step::call(Duration::ZERO, EVENT_TIMEOUT);
                history.take(&client, step).await.unwrap();
            }
        }
        sleep(Duration::from_millis(50)).await;
    }
    let warnings = warnings_of(queue, first);
    assert_eq!(warnings.len(), 1, "{warnings:?}");

    env.heal().await;
    until("all queues are consumed again", async || {
        let step = Step::call(Duration::ZERO, Duration::from_secs(2));
        history.take(&client, step).await.is_ok() && direct().await
    })
    .await;
    server.stop();
    server.wait().await.unwrap();
    drop((client, server));
    env.close(vec![transport]).await;
}

/// Calls the server by its name, and returns whether it answers.
async fn call_server(client: &RpcClient, history: &History) -> bool {
    let begun = history.begun();
    let work = ServiceClient::from(client.clone());
    let call = work.work(&Context::new(), 0, 0).timeout(Duration::from_secs(2)).to_server("one");
    timeout(EVENT_TIMEOUT, call).await.is_ok_and(|told| told.is_ok()) && history.begun() > begun
}
