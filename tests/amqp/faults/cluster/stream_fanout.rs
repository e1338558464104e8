//! Fanouts over a stream, whose servers lose the node that they read it on.

use std::collections::BTreeSet;

use rpc_core::{Context, Transport as _};
use rpc_tests::support::rabbitmq::{NODES, Proxy};

use super::cluster_scenario;
use super::env::ClusterEnv;
use crate::fault_env::{client, until};
use crate::history::{EventKind, History};
use crate::service::{ServerOptions, ServiceClient, serve};

cluster_scenario!(a_server_whose_node_is_killed_runs_each_fanout_of_its_stream_once);

/// The server reads the stream on the node that is killed. What is sent before it is back on another one is not lost.
async fn a_server_whose_node_is_killed_runs_each_fanout_of_its_stream_once(env: ClusterEnv) {
    let history = History::begin();
    let transport = env.transport(&[0, 1, 2], env.stream_options());
    let server = serve(&transport, ServerOptions::named("one"), &history).await;
    let connected = |proxy: &Proxy| proxy.open_links() > 0;
    let dying = env.proxies.iter().position(connected).unwrap();
    let calling = env.transport(&[(dying + 1) % NODES], env.stream_options());
    let work = ServiceClient::from(client(&calling));
    // Whether it was taken is not known of each: the leader of the stream may be on the node, too.
    let (mut taken, mut perhaps) = (BTreeSet::new(), BTreeSet::new());
    for number in 0..60 {
        if number == 20 {
            history.record(EventKind::Fault(format!("kill {dying}")));
            env.cluster().nodes()[dying].kill().await.unwrap();
        }
        match work.work(&Context::new(), number, 0).fanout().await {
            Ok(()) => taken.insert(number),
            Err(error) => {
                println!("{number}: {error}");
                perhaps.insert(number)
            }
        };
    }
    until("what was taken has run", async || taken.iter().all(|it| history.has_begun(*it))).await;
    assert!(taken.len() >= 20, "{perhaps:?}");
    env.heal().await;
    server.stop();
    server.wait().await.unwrap();
    let mut began = history.end().into_iter().filter_map(|event| match event.kind {
        EventKind::Began { call, .. } => Some(call),
        _ => None,
    });
    let mut seen = BTreeSet::new();
    assert!(began.all(|call| seen.insert(call)), "one has run twice");
    drop((work, server));
    calling.close().await;
    transport.close().await;
    env.delete_vhost().await;
}
