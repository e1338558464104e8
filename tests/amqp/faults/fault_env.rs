//! A virtual host, and proxies to it that a test can cut or freeze.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use lapin::{Connection, ConnectionProperties};
use rpc_core::{RpcClient, Target, Transport as _};
pub(crate) use rpc_tests::support::poll::{EVENT_TIMEOUT, until};
use rpc_tests::support::rabbitmq::{Node, NodeOptions, Proxy, UrlForm, shared, with_options};
use rpc_transport_amqp::AmqpTransport;
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};

use crate::service::TOPIC;

/// Starts a node of the test's own, which it may kill and block.
pub(crate) async fn own_node() -> Node {
    Node::start(NodeOptions::default()).await.unwrap()
}

pub(crate) struct FaultEnv<'n> {
    pub(crate) node: &'n Node,
    pub(crate) vhost: String,
    pub(crate) form: UrlForm,
    /// The proxy between the callers and the node.
    pub(crate) callers: Proxy,
    /// The proxy between the servers and the node.
    pub(crate) servers: Proxy,
    /// The URL that leads to all nodes of a cluster, past these proxies.
    cluster_url: Option<String>,
    /// The tasks that run before there is a transport.
    tasks: usize,
}

impl FaultEnv<'static> {
    /// Creates a virtual host in the node that tests share.
    pub(crate) async fn shared(form: UrlForm, name: &str) -> Self {
        FaultEnv::on(shared().await.unwrap(), form, name).await
    }
}

impl<'n> FaultEnv<'n> {
    pub(crate) async fn on(node: &'n Node, form: UrlForm, name: &str) -> Self {
        let vhost = format!("{name} {form:?}");
        node.create_vhost(&vhost).await.unwrap();
        Self::in_vhost(node, form, vhost, None).await
    }

    /// Returns an environment in a virtual host of a cluster. All connections use `url`, and the node answers what tests ask.
    pub(crate) async fn on_cluster(
        node: &'n Node,
        form: UrlForm,
        vhost: &str,
        url: String,
    ) -> Self {
        Self::in_vhost(node, form, vhost.to_owned(), Some(url)).await
    }

    async fn in_vhost(
        node: &'n Node,
        form: UrlForm,
        vhost: String,
        cluster_url: Option<String>,
    ) -> Self {
        let (callers, servers) = (proxy(node).await, proxy(node).await);
        let tasks = Handle::current().metrics().num_alive_tasks();
        FaultEnv { node, vhost, form, callers, servers, cluster_url, tasks }
    }

    /// Returns the URL through a proxy, or that of the cluster, with more options.
    pub(crate) fn url(&self, proxy: &Proxy, options: &str) -> String {
        match &self.cluster_url {
            Some(url) => with_options(url, &with_short_heartbeat(options)),
            None => self.url_through(proxy, options),
        }
    }

    /// Returns the URL through a proxy to the node.
    pub(crate) fn url_through(&self, proxy: &Proxy, options: &str) -> String {
        let url = self.node.url(self.form, &self.vhost);
        let port = format!(":{}/", self.node.port());
        let url = url.replace(&port, &format!(":{}/", proxy.port()));
        with_options(&url, &with_short_heartbeat(options))
    }

    pub(crate) fn transport(&self, proxy: &Proxy, options: &str) -> AmqpTransport {
        AmqpTransport::from_url(&self.url(proxy, options)).unwrap()
    }

    /// Opens a connection past the proxies. Its task ends soon after it is dropped.
    pub(crate) async fn connect(&self) -> Connection {
        let url = with_options(&self.node.url(UrlForm::Amqp, &self.vhost), "heartbeat=1");
        Connection::connect(&url, ConnectionProperties::default()).await.unwrap()
    }

    /// Returns the names of the reply queues and fanout queues.
    pub(crate) async fn transient_queues(&self) -> Vec<String> {
        let names = self.node.queues(&self.vhost).await.unwrap().into_iter().map(|q| q.name);
        names.filter(|name| is_reply_queue(name) || is_fanout_queue(name)).collect()
    }

    /// Waits until all queues are empty.
    pub(crate) async fn until_drained(&self) {
        let full = async || {
            let queues = self.node.queues(&self.vhost).await.unwrap().into_iter();
            queues.filter(|queue| queue.messages > 0).collect::<Vec<_>>()
        };
        let drained = async {
            while !full().await.is_empty() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        if timeout(EVENT_TIMEOUT, drained).await.is_err() {
            panic!("queues are not empty: {:?}", full().await);
        }
    }

    /// Closes the transports, and waits until nothing is left of them in this process and on the broker.
    pub(crate) async fn close(self, transports: Vec<AmqpTransport>) {
        for transport in &transports {
            transport.close().await;
            assert_eq!(transport.pending_calls(), 0, "calls still wait");
        }
        drop(transports);
        self.until_nothing_is_left().await;
    }

    pub(crate) async fn until_nothing_is_left(&self) {
        let left = async || {
            let node = self.node;
            let connections = node.connections().await.unwrap();
            let connections = connections.iter().filter(|it| it.vhost == self.vhost).count();
            let channels = node.channels().await.unwrap();
            let channels = channels.iter().filter(|it| it.vhost == self.vhost).count();
            let tasks = Handle::current().metrics().num_alive_tasks().saturating_sub(self.tasks);
            (self.transient_queues().await, connections, channels, tasks)
        };
        let gone = async {
            while left().await != (Vec::new(), 0, 0, 0) {
                sleep(Duration::from_millis(20)).await;
            }
        };
        if timeout(EVENT_TIMEOUT, gone).await.is_err() {
            let (queues, connections, channels, tasks) = left().await;
            panic!(
                "left behind: the queues {queues:?}, {connections} connections, {channels} \
                 channels, {tasks} tasks"
            );
        }
    }
}

/// The broker removes a lost connection and its queues soon.
fn with_short_heartbeat(options: &str) -> String {
    match options.contains("heartbeat") {
        true => options.to_owned(),
        false => format!("heartbeat=4&{options}"),
    }
}

pub(crate) async fn proxy(node: &Node) -> Proxy {
    Proxy::start(SocketAddr::from((Ipv4Addr::LOCALHOST, node.port()))).await.unwrap()
}

pub(crate) fn client(transport: &AmqpTransport) -> RpcClient {
    RpcClient::new(transport.clone(), Target::topic(TOPIC))
}

pub(crate) fn is_reply_queue(name: &str) -> bool {
    name.starts_with("rpc.reply/") || name.starts_with("reply_")
}

pub(crate) fn is_fanout_queue(name: &str) -> bool {
    name.starts_with("rpc.fanout/") || name.contains("_fanout_")
}
