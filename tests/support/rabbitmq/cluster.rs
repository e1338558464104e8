//! Clusters of private nodes.

use std::time::{Duration, Instant};

use tokio::time::sleep;
use tokio::try_join;

use super::identity::Identity;
use super::node::START_TIMEOUT;
use super::term::binary;
use super::url::{UrlForm, with_hosts};
use super::{Node, NodeError, NodeOptions};

/// How many nodes a cluster has.
pub const NODES: usize = 3;

/// Counts the nodes that a node sees run. The function's name differs from version to version.
const RUNNING: &str = "length(case erlang:function_exported(rabbit_nodes, list_running, 0) of \
                       true -> rabbit_nodes:list_running(); \
                       false -> rabbit_nodes:all_running() end)";

/// How often the nodes are asked whether they see each other.
const POLL: Duration = Duration::from_millis(100);

/// Three nodes on loopback that share their queues' declarations. What is said of [`Node`] holds for each of them: a test may kill,
/// stop, pause and restart it.
#[derive(Debug)]
pub struct Cluster {
    nodes: [Node; NODES],
}

impl Cluster {
    /// Starts three nodes. Returns when each of them sees the others.
    ///
    /// # Errors
    ///
    /// Returns the end of a node's log if it does not start or does not join.
    pub async fn start(options: NodeOptions) -> Result<Self, NodeError> {
        let [first, second, third] = Identity::cluster()?;
        let first = Node::start_as(options.clone(), first).await?;
        let (second, third) =
            try_join!(Node::start_as(options.clone(), second), Node::start_as(options, third))?;
        let nodes = [first, second, third];
        let cluster = Self { nodes };
        cluster.until_complete().await?;
        Ok(cluster)
    }

    /// Returns the nodes.
    #[must_use]
    pub fn nodes(&self) -> &[Node; NODES] {
        &self.nodes
    }

    /// Returns a URL that names all three hosts, like [`Node::url`].
    #[must_use]
    pub fn url(&self, form: UrlForm, vhost: &str) -> String {
        let ports: Vec<u16> = self.nodes.iter().map(Node::port).collect();
        self.url_over(form, vhost, &ports)
    }

    /// Returns the same URL with other ports of this machine, such as those of proxies.
    #[must_use]
    pub fn url_over(&self, form: UrlForm, vhost: &str, ports: &[u16]) -> String {
        with_hosts(&self.nodes[0].url(form, vhost), self.nodes[0].port(), ports)
    }

    /// Returns the index of the node that holds a queue: of a quorum queue, its leader.
    ///
    /// # Errors
    ///
    /// Fails if there is no such queue, or no node of the cluster runs.
    pub async fn node_of(&self, vhost: &str, queue: &str) -> Result<usize, NodeError> {
        let expression = format!(
            "begin {{ok, Q}} = rabbit_amqqueue:lookup(rabbit_misc:r({}, queue, {})), \
             atom_to_list(case amqqueue:get_pid(Q) of {{_, N}} -> N; P -> node(P) end) end",
            binary(vhost),
            binary(queue)
        );
        let name = self.running().await?.eval(expression).await?;
        let index = self.nodes.iter().position(|node| node.name() == name);
        index.ok_or_else(|| {
            NodeError(format!("`{queue}` is on {name}, which is not of the cluster"))
        })
    }

    /// Returns a node that runs.
    ///
    /// # Errors
    ///
    /// Fails if none does.
    pub async fn running(&self) -> Result<&Node, NodeError> {
        for node in &self.nodes {
            if node.runs().await? {
                return Ok(node);
            }
        }
        Err(NodeError("no node of the cluster runs".to_owned()))
    }

    /// Restarts all nodes that were killed or stopped, or are paused. Returns when each of them sees the others.
    ///
    /// A node that was paused for long would resume, find that the others went on without it, and stop to serve for a while. So it
    /// is killed.
    ///
    /// # Errors
    ///
    /// Returns the end of a node's log if it does not start.
    pub async fn heal(&self) -> Result<(), NodeError> {
        // At the same time: a node that was not the last to stop waits for one that stopped later.
        let [one, two, three] = &self.nodes;
        try_join!(one.restore(), two.restore(), three.restore())?;
        self.until_complete().await
    }

    /// Waits until every node serves and sees all others.
    async fn until_complete(&self) -> Result<(), NodeError> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            let mut seen = Vec::new();
            for node in &self.nodes {
                let running = node.eval(RUNNING).await;
                seen.push((running.is_ok() && node.accepts().await?, running));
            }
            let complete = |seen: &Result<String, _>| {
                seen.as_ref().is_ok_and(|seen| *seen == NODES.to_string())
            };
            if seen.iter().all(|(accepts, seen)| *accepts && complete(seen)) {
                return Ok(());
            }
            if Instant::now() > deadline {
                let what =
                    format!("accept connections, and see so many of {NODES} nodes: {seen:?}");
                return Err(NodeError(format!("the nodes of the cluster {what}")));
            }
            sleep(POLL).await;
        }
    }
}
