//! The environment of a case: a broker, connections, servers and clients.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rpc_core::server::ServerBuilder;
use rpc_core::transport::Capabilities;
use rpc_core::{Codec, Endpoint, RpcClient, RunningServer, Server, Target, Transport};
use tokio::task::yield_now;
use tokio::time::{Instant, advance, sleep, timeout};

use super::{Broker, Clock, LeftBehind};

/// How long servers may take to receive what was sent to them, before they are stopped.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(20);

/// How long servers may take to end, and the broker to notice, after a case.
const SETTLE: Duration = Duration::from_secs(60);

/// How often the broker is asked what is left on it.
const POLL: Duration = Duration::from_millis(20);

/// A broker of the case's own, with one connection for its servers and one for its clients.
///
/// Everything has defaults: `env.serve(endpoint)` starts server `one` on the case's topic, `env.client()` calls it.
/// Servers that were started through the environment are stopped after the case.
#[derive(Clone)]
pub struct TestEnv(Arc<Inner>);

impl fmt::Debug for TestEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestEnv").field("case", &self.0.case).finish_non_exhaustive()
    }
}

struct Inner {
    case: &'static str,
    broker: Arc<dyn Broker>,
    clock: Clock,
    server_transport: Arc<dyn Transport>,
    client_transport: Arc<dyn Transport>,
    servers: Mutex<Vec<Arc<RunningServer>>>,
    names: AtomicUsize,
}

impl TestEnv {
    pub(super) async fn new(broker: Arc<dyn Broker>, clock: Clock, case: &'static str) -> Self {
        let (server_transport, client_transport) = (broker.connect().await, broker.connect().await);
        let (servers, names) = (Mutex::default(), AtomicUsize::new(0));
        Self(Arc::new(Inner {
            case,
            broker,
            clock,
            server_transport,
            client_transport,
            servers,
            names,
        }))
    }

    /// Returns what the transport can do.
    pub fn capabilities(&self) -> Capabilities {
        self.0.client_transport.capabilities()
    }

    /// Returns the codec of clients.
    pub fn codec(&self) -> Codec {
        self.0.client_transport.codec()
    }

    /// Returns the broker.
    pub fn broker(&self) -> &dyn Broker {
        &*self.0.broker
    }

    /// Returns the connection of the servers.
    pub fn server_transport(&self) -> Arc<dyn Transport> {
        Arc::clone(&self.0.server_transport)
    }

    /// Returns the connection of the clients.
    pub fn client_transport(&self) -> Arc<dyn Transport> {
        Arc::clone(&self.0.client_transport)
    }

    /// Opens another connection to the broker.
    pub async fn connect(&self) -> Arc<dyn Transport> {
        self.0.broker.connect().await
    }

    /// Waits for this long, also while a blocking method runs: a paused clock does not advance by itself then.
    pub async fn advance_time(&self, time: Duration) {
        const STEP: Duration = Duration::from_millis(10);
        if self.0.clock == Clock::Real {
            return sleep(time).await;
        }
        let until = Instant::now() + time;
        while Instant::now() < until {
            advance(STEP).await;
            // Once for the tasks that the clock wakes, once for those that they wake.
            yield_now().await;
            yield_now().await;
        }
    }

    /// Returns a name that no other case uses.
    pub fn unique_name(&self) -> String {
        format!("{}-{}", self.0.case, self.0.names.fetch_add(1, Ordering::Relaxed))
    }

    /// Returns the case's own topic.
    pub fn topic(&self) -> String {
        self.0.case.to_owned()
    }

    /// Returns the case's own topic as a client's target.
    pub fn target(&self) -> Target {
        Target::topic(self.topic())
    }

    /// Returns a builder of a server of the case's topic.
    pub fn server(&self, name: &'static str) -> ServerBuilder {
        Server::builder(self.server_transport(), self.target().server(name))
    }

    /// Starts server `one` of the case's topic with one endpoint.
    ///
    /// # Panics
    ///
    /// Panics as [`start`](Self::start) does.
    pub async fn serve<E: Endpoint + Send + Sync>(
        &self,
        endpoint: impl Into<Arc<E>>,
    ) -> Arc<RunningServer> {
        self.start(self.server("one").endpoint(endpoint)).await
    }

    /// Builds and starts a server.
    ///
    /// # Panics
    ///
    /// Panics if the server cannot be built or started.
    pub async fn start(&self, server: ServerBuilder) -> Arc<RunningServer> {
        let server = server.build().expect("the server is built");
        let server = Arc::new(server.start().await.expect("the server starts"));
        self.servers().push(Arc::clone(&server));
        server
    }

    /// Creates a client of the case's topic: an [`RpcClient`] or a generated one.
    pub fn client<C: From<RpcClient>>(&self) -> C {
        C::from(RpcClient::new(self.client_transport(), self.target()))
    }

    /// Creates a client of another target.
    pub fn client_of<C: From<RpcClient>>(&self, target: Target) -> C {
        C::from(RpcClient::new(self.client_transport(), target))
    }

    fn servers(&self) -> std::sync::MutexGuard<'_, Vec<Arc<RunningServer>>> {
        self.0.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nothing of the case is left on its broker.
    ///
    /// # Errors
    ///
    /// Returns what is left. Does not wait if the clock is paused.
    pub async fn settled(&self) -> Result<(), LeftBehind> {
        let within = if self.0.clock == Clock::Paused { Duration::ZERO } else { SETTLE };
        self.until(within, |left| left == LeftBehind::NOTHING).await
    }

    /// Polls what is left until it is `enough`, at least once. Fails with what is left when the time is up.
    async fn until(
        &self,
        within: Duration,
        enough: impl Fn(LeftBehind) -> bool,
    ) -> Result<(), LeftBehind> {
        let end = Instant::now() + within;
        loop {
            let left = self.0.broker.left_behind().await;
            if enough(left) {
                return Ok(());
            }
            if Instant::now() >= end {
                return Err(left);
            }
            sleep(POLL).await;
        }
    }

    /// Stops the servers, and fails if anything is left behind.
    pub(super) async fn tear_down(&self) -> Result<(), String> {
        // A cast is over when it has been published: without this wait, a server could be stopped before it receives the
        // last one, which then stays in the queue. What is still there later is reported below.
        let _ = self.until(SHUTDOWN_TIMEOUT, |left| left.queued + left.unacknowledged == 0).await;
        let servers = std::mem::take(&mut *self.servers());
        for server in servers {
            end(&server).await?;
        }
        let settled = self.until(SETTLE, |left| left == LeftBehind::NOTHING).await;
        settled.map_err(|left| format!("the case left behind {left:?}"))
    }
}

/// Stops a server and waits for it.
async fn end(server: &RunningServer) -> Result<(), String> {
    // A case that wants methods to be aborted stops its server itself.
    let by_the_case = server.stop_handle().is_stopped();
    server.stop();
    match timeout(SETTLE, server.wait()).await {
        Ok(Ok(report)) if report.aborted > 0 && !by_the_case => {
            Err(format!("the case left methods running: {report}"))
        }
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(format!("a server did not end: {error}")),
        Err(_) => Err(format!("{server:?} has not ended {SETTLE:?} after its stop")),
    }
}
