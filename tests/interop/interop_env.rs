//! The environment of a case: a topic, Python peers, and connections in Rust.

use std::fmt;
use std::sync::{Arc, Mutex};

use rpc_core::server::ServerBuilder;
use rpc_core::{Endpoint, RpcClient, RunningServer, Target, Transport};
use rpc_transport_amqp::AmqpBuilder;

use super::peers::{Peers, VHOST};
use super::{Client, Raw, Serve, To};
use crate::support::rabbitmq::{shared, with_options};

/// A topic of the case's own, Python peers, and connections for servers and clients in Rust.
///
/// Everything has defaults: `env.serve(endpoint)` starts server `rust` of the topic, `env.python().call(…)` calls it. Servers in
/// Rust are stopped after the case.
#[derive(Clone)]
pub struct InteropEnv(Arc<Inner>);

struct Inner {
    topic: String,
    url: &'static str,
    peers: Arc<Peers>,
    serving: Arc<dyn Transport>,
    calling: Arc<dyn Transport>,
    servers: Mutex<Vec<Arc<RunningServer>>>,
    others: Mutex<Vec<Arc<dyn Transport>>>,
}

impl fmt::Debug for InteropEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InteropEnv").field("topic", &self.0.topic).finish_non_exhaustive()
    }
}

impl InteropEnv {
    pub(super) async fn new(case: &'static str, peers: Arc<Peers>) -> Self {
        let url = Peers::url().await;
        let topic = format!("{case}-{}", peers.version());
        let (serving, calling) = (connect(url), connect(url));
        let (servers, others) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Inner { topic, url, peers, serving, calling, servers, others }))
    }

    /// Returns the case's topic.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.0.topic
    }

    /// Returns the topic as a target.
    #[must_use]
    pub fn target(&self) -> Target {
        Target::topic(self.0.topic.clone())
    }

    /// Returns the URL of the connections.
    #[must_use]
    pub fn url(&self) -> &'static str {
        self.0.url
    }

    /// Returns the URL with options.
    #[must_use]
    pub fn url_with(&self, query: &str) -> String {
        with_options(self.0.url, query)
    }

    /// Returns the connection of servers in Rust.
    #[must_use]
    pub fn server_transport(&self) -> Arc<dyn Transport> {
        Arc::clone(&self.0.serving)
    }

    /// Returns the connection of clients in Rust.
    #[must_use]
    pub fn client_transport(&self) -> Arc<dyn Transport> {
        Arc::clone(&self.0.calling)
    }

    /// Opens another connection, with options in the URL.
    ///
    /// # Panics
    ///
    /// Panics if there are no such options.
    #[must_use]
    pub fn connect(&self, query: &str) -> Arc<dyn Transport> {
        let transport = connect(&self.url_with(query));
        self.0.others.lock().unwrap().push(Arc::clone(&transport));
        transport
    }

    /// Creates a client in Rust.
    pub fn client<C: From<RpcClient>>(&self) -> C {
        self.client_of(self.target())
    }

    /// Creates a client in Rust of another target.
    pub fn client_of<C: From<RpcClient>>(&self, target: Target) -> C {
        RpcClient::new(self.client_transport(), target).into()
    }

    /// Returns a builder of a server in Rust of the case's topic.
    pub fn server(&self, name: &str) -> ServerBuilder {
        rpc_core::Server::builder(self.server_transport(), self.target().server(name.to_owned()))
    }

    /// Starts a server, which is stopped after the case.
    ///
    /// # Panics
    ///
    /// Panics if it does not start.
    pub async fn start(&self, server: ServerBuilder) -> Arc<RunningServer> {
        let running = Arc::new(server.build().unwrap().start().await.unwrap());
        self.0.servers.lock().unwrap().push(Arc::clone(&running));
        running
    }

    /// Starts server `rust` with one endpoint.
    ///
    /// # Panics
    ///
    /// Panics if it does not start.
    pub async fn serve<E: Endpoint + Send + Sync>(&self, endpoint: E) -> Arc<RunningServer> {
        self.start(self.server("rust").endpoint(endpoint)).await
    }

    /// Returns the Python client with the case's topic as its target.
    pub async fn python(&self) -> To<'_> {
        self.python_client().await.to(&self.0.topic)
    }

    /// Returns the Python client.
    pub async fn python_client(&self) -> &Client {
        self.0.peers.client().await
    }

    /// Returns a Python server of the case's topic, to be started.
    pub async fn python_server(&self, server: &str) -> Serve {
        self.python_server_of(&self.0.topic, server).await
    }

    /// Returns a Python server of another topic, to be started.
    pub async fn python_server_of(&self, topic: &str, server: &str) -> Serve {
        self.0.peers.server().await.serve(self.0.url, topic, server)
    }

    /// Returns the names of all queues of the broker that the cases use.
    ///
    /// # Panics
    ///
    /// Panics if the broker does not run.
    pub async fn queues(&self) -> Vec<String> {
        let queues = shared().await.unwrap().queues(VHOST).await.unwrap();
        queues.into_iter().map(|queue| queue.name).collect()
    }

    /// Returns the peer that sends and reads raw messages.
    pub async fn raw(&self) -> &Raw {
        self.0.peers.raw().await
    }

    pub(super) async fn tear_down(self) {
        let servers = std::mem::take(&mut *self.0.servers.lock().unwrap());
        for server in servers {
            server.stop();
            server.wait().await.unwrap();
        }
        let others = std::mem::take(&mut *self.0.others.lock().unwrap());
        for transport in
            others.into_iter().chain([self.server_transport(), self.client_transport()])
        {
            transport.close().await;
        }
    }
}

fn connect(url: &str) -> Arc<dyn Transport> {
    Arc::new(AmqpBuilder::from_url(url).unwrap().build())
}
