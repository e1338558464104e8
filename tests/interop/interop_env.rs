//! What a case has to work with.

use std::fmt;
use std::sync::{Arc, Mutex};

use rpc_core::server::ServerBuilder;
use rpc_core::{Endpoint, RpcClient, RunningServer, Target, Transport};
use rpc_transport_amqp::AmqpBuilder;

use super::peers::Peers;
use super::{Client, Raw, Serve, To};

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

    /// The case's topic.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.0.topic
    }

    /// The topic as a target of Rust.
    #[must_use]
    pub fn target(&self) -> Target {
        Target::topic(self.0.topic.clone())
    }

    /// The URL that the connections were made with.
    #[must_use]
    pub fn url(&self) -> &'static str {
        self.0.url
    }

    /// The same with options.
    #[must_use]
    pub fn url_with(&self, query: &str) -> String {
        format!("{}?{query}", self.0.url)
    }

    /// The connection that servers in Rust use.
    #[must_use]
    pub fn server_transport(&self) -> Arc<dyn Transport> {
        Arc::clone(&self.0.serving)
    }

    /// The connection that clients in Rust use.
    #[must_use]
    pub fn client_transport(&self) -> Arc<dyn Transport> {
        Arc::clone(&self.0.calling)
    }

    /// A connection more, made as the others but with options in the URL.
    ///
    /// # Panics
    ///
    /// There are no such options.
    #[must_use]
    pub fn connect(&self, query: &str) -> Arc<dyn Transport> {
        let transport = connect(&self.url_with(query));
        self.0.others.lock().unwrap().push(Arc::clone(&transport));
        transport
    }

    /// A client in Rust.
    pub fn client<C: From<RpcClient>>(&self) -> C {
        self.client_of(self.target())
    }

    /// A client in Rust of another target.
    pub fn client_of<C: From<RpcClient>>(&self, target: Target) -> C {
        RpcClient::new(self.client_transport(), target).into()
    }

    /// A server in Rust, of the case's topic.
    pub fn server(&self, name: &str) -> ServerBuilder {
        rpc_core::Server::builder(self.server_transport(), self.target().server(name.to_owned()))
    }

    /// Starts a server; it is stopped after the case.
    ///
    /// # Panics
    ///
    /// It does not start.
    pub async fn start(&self, server: ServerBuilder) -> Arc<RunningServer> {
        let running = Arc::new(server.build().unwrap().start().await.unwrap());
        self.0.servers.lock().unwrap().push(Arc::clone(&running));
        running
    }

    /// Starts server `rust` with one endpoint.
    ///
    /// # Panics
    ///
    /// It does not start.
    pub async fn serve<E: Endpoint + Send + Sync>(&self, endpoint: E) -> Arc<RunningServer> {
        self.start(self.server("rust").endpoint(endpoint)).await
    }

    /// The Python client, and the case's topic as its target.
    pub async fn python(&self) -> To<'_> {
        self.python_client().await.to(&self.0.topic)
    }

    /// The Python client.
    pub async fn python_client(&self) -> &Client {
        self.0.peers.client().await
    }

    /// A Python server of the case's topic.
    pub async fn python_server(&self, server: &str) -> Serve {
        self.python_server_of(&self.0.topic, server).await
    }

    /// A Python server of another topic.
    pub async fn python_server_of(&self, topic: &str, server: &str) -> Serve {
        self.0.peers.server().await.serve(self.0.url, topic, server)
    }

    /// What sends messages made by hand.
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
