//! What a case has to work with.

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
const DRAIN: Duration = Duration::from_secs(20);

/// How long servers may take to end, and the broker to notice, after a case.
const SETTLE: Duration = Duration::from_secs(60);

/// How often the broker is asked what is left on it.
const POLL: Duration = Duration::from_millis(20);

/// A broker of the case's own, with one connection for its servers and one for its clients.
///
/// Everything has defaults: `world.serve(endpoint)` starts server `one` on the case's topic, `world.client()` calls it.
/// Servers that were started through the world are stopped after the case.
#[derive(Clone)]
pub struct World(Arc<Inner>);

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("case", &self.0.case).finish_non_exhaustive()
    }
}

struct Inner {
    case: &'static str,
    broker: Arc<dyn Broker>,
    clock: Clock,
    serving: Arc<dyn Transport>,
    calling: Arc<dyn Transport>,
    servers: Mutex<Vec<Arc<RunningServer>>>,
    names: AtomicUsize,
}

impl World {
    pub(super) async fn new(broker: Arc<dyn Broker>, clock: Clock, case: &'static str) -> Self {
        let (serving, calling) = (broker.connect().await, broker.connect().await);
        let (servers, names) = (Mutex::default(), AtomicUsize::new(0));
        Self(Arc::new(Inner { case, broker, clock, serving, calling, servers, names }))
    }

    /// What the transport can do.
    pub fn capabilities(&self) -> Capabilities {
        self.0.calling.capabilities()
    }

    /// What clients encode arguments in.
    pub fn codec(&self) -> Codec {
        self.0.calling.codec()
    }

    /// The broker.
    pub fn broker(&self) -> &dyn Broker {
        &*self.0.broker
    }

    /// The connection that servers use.
    pub fn serving(&self) -> Arc<dyn Transport> {
        Arc::clone(&self.0.serving)
    }

    /// The connection that clients use.
    pub fn calling(&self) -> Arc<dyn Transport> {
        Arc::clone(&self.0.calling)
    }

    /// One connection more, to the same broker.
    pub async fn connect(&self) -> Arc<dyn Transport> {
        self.0.broker.connect().await
    }

    /// Lets time pass. Unlike `sleep` also while a blocking method runs, which a paused clock would wait for.
    pub async fn pass(&self, time: Duration) {
        const STEP: Duration = Duration::from_millis(10);
        if self.0.clock == Clock::Real {
            return sleep(time).await;
        }
        let until = Instant::now() + time;
        while Instant::now() < until {
            advance(STEP).await;
            // Once for those whom the clock wakes, once for those whom they wake.
            yield_now().await;
            yield_now().await;
        }
    }

    /// A name that nobody else has.
    pub fn name(&self) -> String {
        format!("{}-{}", self.0.case, self.0.names.fetch_add(1, Ordering::Relaxed))
    }

    /// The case's own topic.
    pub fn topic(&self) -> String {
        self.0.case.to_owned()
    }

    /// The case's own topic as a client's target.
    pub fn target(&self) -> Target {
        Target::topic(self.topic())
    }

    /// A server of the case's topic with this name, to be given endpoints and options.
    pub fn server(&self, name: &'static str) -> ServerBuilder {
        Server::builder(self.serving(), self.target().server(name))
    }

    /// Starts server `one` of the case's topic with one endpoint.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
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
    /// When the server cannot be built or started.
    pub async fn start(&self, server: ServerBuilder) -> Arc<RunningServer> {
        let server = server.build().expect("the server is built");
        let server = Arc::new(server.start().await.expect("the server starts"));
        self.servers().push(Arc::clone(&server));
        server
    }

    /// A client of the case's topic: an [`RpcClient`] or a generated one.
    pub fn client<C: From<RpcClient>>(&self) -> C {
        C::from(RpcClient::new(self.calling(), self.target()))
    }

    /// A client of another target.
    pub fn client_of<C: From<RpcClient>>(&self, target: Target) -> C {
        C::from(RpcClient::new(self.calling(), target))
    }

    fn servers(&self) -> std::sync::MutexGuard<'_, Vec<Arc<RunningServer>>> {
        self.0.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nothing of the case is left on its broker.
    ///
    /// # Errors
    ///
    /// What is left. Where the clock is paused, nothing may be left at once.
    pub async fn settled(&self) -> Result<(), LeftBehind> {
        let within = if self.0.clock == Clock::Paused { Duration::ZERO } else { SETTLE };
        self.until(within, |left| left == LeftBehind::NOTHING).await
    }

    /// Asks what is left until it is `enough`, at least once; what is left when the time is up.
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

    /// Stops what runs, and looks at what is left.
    pub(super) async fn leave(&self) -> Result<(), String> {
        // A cast is over when it has been published: without this wait, a server could be stopped before it receives the
        // last one, which then stays in the queue. What is still there later is reported below.
        let _ = self.until(DRAIN, |left| left.queued + left.unacknowledged == 0).await;
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
    // A case that wants methods to be cut off stops its server itself.
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
