//! Connections that are cut, or that freeze.

use std::time::Duration;

use rpc_core::Transport as _;
use rpc_core::server::AckMode;
use rpc_core::transport::ConnectionState;
use rpc_tests::support::rabbitmq::{Cut, Direction, Proxy, UrlForm};
use rpc_transport_amqp::AmqpTransport;
use tokio::time::timeout;

use crate::fault_env::{EVENT_TIMEOUT, FaultEnv, client, proxy, until};
use crate::history::{History, Step};
use crate::load::Load;
use crate::scenario;
use crate::service::{ServerOptions, serve};

scenario!(every_call_ends_when_connections_are_cut);
scenario!(every_call_ends_when_connections_go_dead);
scenario!(another_host_takes_over);

async fn every_call_ends_when_connections_are_cut(form: UrlForm, seed: u64) {
    let env = FaultEnv::shared(form, &format!("cut {seed}")).await;
    let mut load = Load::begin(env, seed, AckMode::Confirmed, "").await;
    for _ in 0..4 {
        load.go_on(200, 900).await;
        let how = load.rng.pick(&[Some(Cut::Finish), Some(Cut::Reset), None]);
        let (callers, servers) = load.rng.pick(&[(true, false), (false, true), (true, true)]);
        let Some(how) = how else {
            load.record_fault("an operator closes all connections");
            load.env.node.close_connections(&load.env.vhost).await.unwrap();
            continue;
        };
        load.record_fault(format!("cut by {how:?}: callers {callers}, servers {servers}"));
        if callers {
            load.env.callers.cut(how);
        }
        if servers {
            load.env.servers.cut(how);
        }
    }
    load.end().await;
}

/// Freezes the connections twice: once too briefly to be noticed, and once until both sides close them.
async fn every_call_ends_when_connections_go_dead(form: UrlForm, seed: u64) {
    let options = "heartbeat=2&connect_timeout=1";
    let env = FaultEnv::shared(form, &format!("dead {seed}")).await;
    let mut load = Load::begin(env, seed, AckMode::Confirmed, options).await;
    for (shortest, longest) in [(300, 1000), (5000, 6500)] {
        load.go_on(200, 900).await;
        let (callers, servers) = load.rng.pick(&[(true, false), (false, true), (true, true)]);
        let direction =
            load.rng.pick(&[None, Some(Direction::ToBroker), Some(Direction::ToClient)]);
        load.record_fault(format!("freeze {direction:?}: callers {callers}, servers {servers}"));
        let freeze = |proxy: &Proxy| match direction {
            Some(direction) => proxy.freeze(direction),
            None => proxy.freeze_all(),
        };
        if callers {
            freeze(&load.env.callers);
        }
        if servers {
            freeze(&load.env.servers);
        }
        load.go_on(shortest, longest).await;
        load.record_fault("thaw");
        load.env.callers.thaw();
        load.env.servers.thaw();
    }
    load.end().await;
}

/// Uses three hosts: two proxies to one node, and one without a broker.
async fn another_host_takes_over(form: UrlForm, seed: u64) {
    let env = FaultEnv::shared(form, &format!("hosts {seed}")).await;
    let dead = proxy(env.node).await;
    dead.refuse();
    let hosts = [&dead, &env.callers, &env.servers];
    let login = |proxy: &&Proxy| format!("guest:guest@127.0.0.1:{}", proxy.port());
    let hosts = hosts.iter().map(login).collect::<Vec<_>>().join(",");
    let one = format!("guest:guest@127.0.0.1:{}", env.callers.port());
    let url = env.url(&env.callers, "").replace(&one, &hosts);
    let transport = AmqpTransport::from_url(&url).unwrap();
    let history = History::begin();
    let server = serve(&transport, ServerOptions::named("one"), &history).await;
    let client = client(&transport);
    for (dying, living) in [(&env.callers, &env.servers), (&env.servers, &env.callers)] {
        living.accept();
        dying.refuse();
        dying.cut(Cut::Reset);
        timeout(EVENT_TIMEOUT, living.until_open(2)).await.unwrap();
        until("calls succeed", async || {
            history.take(&client, Step::call(Duration::ZERO, EVENT_TIMEOUT)).await.is_ok()
        })
        .await;
        assert_eq!(dying.open_links(), 0);
    }
    let mut state = transport.state();
    timeout(EVENT_TIMEOUT, state.wait_for(|state| *state == ConnectionState::Connected))
        .await
        .unwrap()
        .unwrap();

    server.stop();
    server.wait().await.unwrap();
    drop((client, server, state, dead));
    env.close(vec![transport]).await;
}
