//! One round of a soak: callers at work, and one kind of fault.

use std::time::Duration;

use rpc_core::server::AckMode;
use rpc_tests::support::rabbitmq::Cut;

use crate::cluster::env::ClusterEnv;
use crate::fault_env::{proxy, until};
use crate::history::{Kind, Step};
use crate::killable_server::KillableServer;
use crate::load::Load;
use crate::promise::Promise;
use crate::service::{MORTAL, ServerOptions};

#[derive(Debug, Copy, Clone)]
pub(super) enum Fault {
    GracefulStop,
    ConnectionsLost,
    ProcessKilled,
    MethodKillsProcess,
    NodeKilled,
}

#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(super) enum Queues {
    Classic,
    Quorum,
}

impl Queues {
    pub(super) fn name(self) -> &'static str {
        match self {
            Queues::Classic => "classic",
            Queues::Quorum => "quorum",
        }
    }
}

impl Fault {
    /// Returns the faults that a round may have. A message whose method kills its process comes back, unless its acknowledgement was
    /// confirmed.
    pub(super) fn all(mode: AckMode) -> Vec<Self> {
        let all = [
            Fault::GracefulStop,
            Fault::ConnectionsLost,
            Fault::ProcessKilled,
            Fault::MethodKillsProcess,
            Fault::NodeKilled,
        ];
        let comes_back = |fault: &Fault| matches!(fault, Fault::MethodKillsProcess);
        all.into_iter().filter(|it| mode == AckMode::Confirmed || !comes_back(it)).collect()
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Fault::GracefulStop => "graceful stop",
            Fault::ConnectionsLost => "connections lost",
            Fault::ProcessKilled => "process killed",
            Fault::MethodKillsProcess => "method kills its process",
            Fault::NodeKilled => "node killed",
        }
    }

    fn promise(self, mode: AckMode, queues: Queues) -> Promise {
        let quorum = queues == Queues::Quorum;
        match self {
            Fault::GracefulStop => Promise::GRACEFUL_STOP,
            Fault::ConnectionsLost => Promise::connection_lost(mode),
            Fault::ProcessKilled | Fault::MethodKillsProcess => {
                Promise::process_killed(mode, quorum)
            }
            Fault::NodeKilled => Promise::node_killed(mode, quorum),
        }
    }

    /// Returns the servers that nothing happens to.
    fn steady(self) -> Vec<&'static str> {
        match self {
            Fault::GracefulStop => vec!["one"],
            Fault::ProcessKilled | Fault::MethodKillsProcess => vec!["one", "two"],
            Fault::ConnectionsLost | Fault::NodeKilled => Vec::new(),
        }
    }
}

/// Starts the callers, and has something go wrong several times.
pub(super) async fn play(env: &ClusterEnv, fault: Fault, loads: &mut [(Queues, Load<'_>); 2]) {
    for (queues, load) in loads.iter_mut() {
        load.promise = fault.promise(load.acknowledge, *queues);
        load.steady = fault.steady();
        load.call();
    }
    let [(_, classic), (_, quorum)] = loads;
    match fault {
        Fault::GracefulStop => drop(tokio::join!(stop(classic), stop(quorum))),
        Fault::ProcessKilled => drop(tokio::join!(kill(classic), kill(quorum))),
        Fault::MethodKillsProcess => drop(tokio::join!(abort(classic), abort(quorum))),
        Fault::ConnectionsLost => lose_connections(env, [classic, quorum]).await,
        Fault::NodeKilled => kill_node(env, [classic, quorum]).await,
    }
}

async fn stop(load: &mut Load<'_>) {
    for _ in 0..3 {
        load.go_on(200, 600).await;
        load.record_fault("restart two");
        load.restart("two").await;
    }
}

async fn lose_connections(env: &ClusterEnv, [first, second]: [&mut Load<'_>; 2]) {
    for _ in 0..3 {
        first.go_on(200, 900).await;
        let node = first.rng.below(env.proxies.len());
        let how = first.rng.pick(&[Some(Cut::Finish), Some(Cut::Reset), None]);
        for load in [&mut *first, &mut *second] {
            load.record_fault(format!("cut connections to node {node} by {how:?}"));
        }
        if let Some(how) = how {
            env.proxies[node].cut(how);
            continue;
        }
        // An operator closes them all.
        for load in [&first, &second] {
            load.env.node.close_connections(&load.env.vhost).await.unwrap();
        }
    }
}

/// Starts a server that can be killed, on a connection of its own.
async fn start_mortal(load: &Load<'_>, name: &'static str) -> KillableServer {
    let way = proxy(load.env.node).await;
    let url = load.env.url_through(&way, &format!("transient_ttl=5&{}", load.options));
    let options = ServerOptions { server: MORTAL, ..load.setting(name) };
    KillableServer::start(way, url, options, &load.history).await
}

async fn kill(load: &mut Load<'_>) {
    for _ in 0..2 {
        let mortal = start_mortal(load, MORTAL).await;
        load.go_on(200, 900).await;
        load.record_fault("kill");
        mortal.kill();
        load.go_on(100, 500).await;
    }
}

/// Has a method end one of two servers of a name.
async fn abort(load: &mut Load<'_>) {
    let mut mortals = vec![start_mortal(load, "first").await, start_mortal(load, "second").await];
    load.go_on(200, 500).await;
    let step =
        Step { kind: Kind::KillingCast, ..Step::cast(Duration::ZERO, Duration::from_secs(3)) };
    load.history.take(&load.client(), step).await.unwrap();
    until("a server has died", async || mortals.iter().any(KillableServer::has_ended)).await;
    load.record_fault("a method has killed its process");
    mortals.retain(|mortal| !mortal.has_ended());
    load.go_on(300, 900).await;
    load.record_fault("kill the other one");
    mortals.into_iter().for_each(KillableServer::kill);
}

async fn kill_node(env: &ClusterEnv, [first, second]: [&mut Load<'_>; 2]) {
    first.go_on(200, 900).await;
    let node = first.rng.below(env.proxies.len());
    let mut record = |what: &str| {
        first.record_fault(format!("{what} node {node}"));
        second.record_fault(format!("{what} node {node}"));
    };
    record("kill");
    env.cluster().nodes()[node].kill().await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    env.heal().await;
    record("healed");
}
