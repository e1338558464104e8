//! A virtual host of a cluster, and a proxy to each of its nodes.

use std::time::Duration;

use rpc_core::Transport as _;
use rpc_tests::support::rabbitmq::{
    Cluster, Cut, NODES, NodeOptions, Proxy, UrlForm, with_options,
};
use rpc_transport_amqp::AmqpTransport;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;

use crate::fault_env::{FaultEnv, is_fanout_queue, is_reply_queue, proxy, until};
use crate::log::ShownWarnings;
use crate::service::TOPIC;

/// How long a scenario may take on a busy machine, the restart of killed nodes included.
const SCENARIO_TIMEOUT: Duration = Duration::from_secs(240);

/// The cluster that the tests of this process use one after the other.
static CLUSTER: Mutex<Option<Cluster>> = Mutex::const_new(None);

/// A virtual host in a cluster that nobody else uses meanwhile.
pub(crate) struct ClusterEnv {
    cluster: MutexGuard<'static, Option<Cluster>>,
    pub(crate) vhost: String,
    form: UrlForm,
    pub(crate) seed: u64,
    /// A proxy to each node.
    pub(crate) proxies: [Proxy; NODES],
}

/// Plays a scenario on a whole cluster, as often as `RPC_FAULT_ROUNDS` says.
pub(crate) async fn play<F: Future<Output = ()>>(
    form: UrlForm,
    name: &str,
    scenario: impl Fn(ClusterEnv) -> F,
) {
    let rounds = std::env::var("RPC_FAULT_ROUNDS").map_or(1, |rounds| rounds.parse().unwrap());
    for round in 0..rounds {
        let mut cluster = CLUSTER.lock().await;
        match &*cluster {
            Some(cluster) => cluster.heal().await.unwrap(),
            None => *cluster = Some(Cluster::start(options()).await.unwrap()),
        }
        let vhost = format!("{name} {form:?} {round}");
        let nodes = cluster.as_ref().unwrap().nodes();
        nodes[0].create_vhost(&vhost).await.unwrap();
        let proxies = [proxy(&nodes[0]).await, proxy(&nodes[1]).await, proxy(&nodes[2]).await];
        let seed = std::env::var("RPC_FAULT_SEED");
        let seed = seed.map_or_else(|_| fastrand::u64(..100_000), |seed| seed.parse().unwrap());
        println!("RPC_FAULT_SEED={seed}");
        let env = ClusterEnv { cluster, vhost, form, seed, proxies };
        let _shown = ShownWarnings::from_now_on();
        let played = timeout(SCENARIO_TIMEOUT, Box::pin(scenario(env))).await;
        played.expect("the scenario comes to an end");
    }
}

/// A node that is alone stops to serve, as OpenStack's deployments have it.
fn options() -> NodeOptions {
    let settings = ["cluster_partition_handling = pause_minority", "net_ticktime = 4"];
    NodeOptions { settings: settings.map(str::to_owned).to_vec(), ..NodeOptions::default() }
}

impl ClusterEnv {
    pub(crate) fn cluster(&self) -> &Cluster {
        self.cluster.as_ref().unwrap()
    }

    /// Returns a transport whose URL names these nodes, and asks for quorum queues of topics and servers.
    pub(crate) fn quorum_transport(&self, nodes: &[usize]) -> AmqpTransport {
        self.transport(nodes, self.quorum_option())
    }

    /// Returns the option that asks for quorum queues of topics and servers.
    pub(crate) fn quorum_option(&self) -> &'static str {
        match self.form {
            UrlForm::Rabbit => "rabbit_quorum_queue=true",
            _ => "quorum=true",
        }
    }

    /// Returns a transport whose URL names these nodes, and asks for durable classic queues.
    pub(crate) fn durable_transport(&self, nodes: &[usize]) -> AmqpTransport {
        self.transport(nodes, self.durable_option())
    }

    /// Returns the option that asks for durable classic queues.
    pub(crate) fn durable_option(&self) -> &'static str {
        match self.form {
            UrlForm::Rabbit => "amqp_durable_queues=true",
            _ => "",
        }
    }

    /// Returns the options that ask for one stream of fanouts.
    pub(crate) fn stream_options(&self) -> &'static str {
        match self.form {
            UrlForm::Rabbit => {
                "rabbit_quorum_queue=true&rabbit_transient_quorum_queue=true&rabbit_stream_fanout=true"
            }
            _ => "quorum=true&stream_fanout=true",
        }
    }

    /// Returns the environment of callers and servers whose URLs name all nodes.
    pub(crate) async fn fault_env(&self) -> FaultEnv<'_> {
        self.fault_env_in(&self.vhost).await
    }

    /// Returns the same in another virtual host.
    pub(crate) async fn fault_env_in(&self, vhost: &str) -> FaultEnv<'_> {
        let [first, second, third] = &self.proxies;
        let ports = [first.port(), second.port(), third.port()];
        let url = self.cluster().url_over(self.form, vhost, &ports);
        let url = with_options(&url, "transient_ttl=5");
        FaultEnv::on_cluster(&self.cluster().nodes()[0], self.form, vhost, url).await
    }

    /// Returns the names of the queues of the topic and of a server.
    pub(crate) fn names_of_queues(&self, server: &str) -> (String, String) {
        match self.form {
            UrlForm::Rabbit => (TOPIC.to_owned(), format!("{TOPIC}.{server}")),
            _ => (format!("rpc/{TOPIC}"), format!("rpc/{TOPIC}/{server}")),
        }
    }

    /// Returns a transport whose URL names these nodes.
    pub(crate) fn transport(&self, nodes: &[usize], options: &str) -> AmqpTransport {
        let ports: Vec<u16> = nodes.iter().map(|node| self.proxies[*node].port()).collect();
        let url = self.cluster().url_over(self.form, &self.vhost, &ports);
        // Queues that their owners have given up are gone soon after their node is back.
        let url = with_options(&url, &format!("heartbeat=4&transient_ttl=5&{options}"));
        AmqpTransport::from_url(&url).unwrap()
    }

    /// Has all connections to a node move to others.
    pub(crate) async fn move_away(&self, node: usize) {
        self.proxies[node].refuse();
        self.proxies[node].cut(Cut::Reset);
        let open = || self.proxies.iter().map(Proxy::open_links).sum::<usize>();
        let before = open();
        until("they have moved", async || self.proxies[node].open_links() == 0 && open() >= before)
            .await;
    }

    /// Has all nodes run and take connections.
    pub(crate) async fn heal(&self) {
        self.cluster().heal().await.unwrap();
        for proxy in &self.proxies {
            proxy.accept();
        }
    }

    /// Closes the transports, and waits until nothing is left of them on the cluster.
    pub(crate) async fn close(self, transports: Vec<AmqpTransport>) {
        for transport in transports {
            transport.close().await;
            assert_eq!(transport.pending_calls(), 0, "calls still wait");
        }
        let node = self.cluster().running().await.unwrap();
        until("no transient queue and no connection is left", async || {
            let queues = node.queues(&self.vhost).await.unwrap();
            let connections = node.connections().await.unwrap();
            !queues.iter().any(|queue| is_reply_queue(&queue.name) || is_fanout_queue(&queue.name))
                && connections.iter().all(|connection| connection.vhost != self.vhost)
        })
        .await;
        node.delete_vhost(&self.vhost).await.unwrap();
    }

    /// Deletes the virtual host, with the queues that are to stay.
    pub(crate) async fn delete_vhost(self) {
        let node = self.cluster().running().await.unwrap();
        node.delete_vhost(&self.vhost).await.unwrap();
    }

    /// Returns the names of the reply queues that have a consumer.
    pub(crate) async fn reply_queues(&self) -> Vec<String> {
        self.consumed(is_reply_queue).await
    }

    /// Returns the names of the fanout queues that have a consumer.
    pub(crate) async fn fanout_queues(&self) -> Vec<String> {
        self.consumed(is_fanout_queue).await
    }

    async fn consumed(&self, is: fn(&str) -> bool) -> Vec<String> {
        let queues = self.cluster().running().await.unwrap().queues(&self.vhost).await.unwrap();
        let consumed = queues.into_iter().filter(|queue| is(&queue.name) && queue.consumers > 0);
        consumed.map(|queue| queue.name).collect()
    }

    /// Returns whether a warning names a node, or the address over which a queue was declared there: RabbitMQ 4 does not tell the
    /// node.
    pub(crate) fn names(&self, node: usize, warning: &str) -> bool {
        let address = format!("127.0.0.1:{}", self.proxies[node].port());
        warning.contains(self.cluster().nodes()[node].name()) || warning.contains(&address)
    }

    pub(crate) async fn node_of(&self, queue: &str) -> usize {
        self.cluster().node_of(&self.vhost, queue).await.unwrap()
    }
}
