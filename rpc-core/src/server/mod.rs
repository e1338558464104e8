//! Servers: consume requests, acknowledge them, invoke their methods, and reply.
//!
//! A server learns from the [registry](crate::registry) what a method is called, which arguments it takes and which of
//! its errors are expected.
//!
//! [`Server::builder`] collects endpoints and options, [`build`](ServerBuilder::build) checks them all, and
//! [`start`](Server::start) subscribes. One task consumes messages, and each message is run by a task of its own.

mod access_policy;
mod builder;
mod errors;
mod options;
pub(crate) mod process;
mod report;
mod running;
mod serve_loop;
mod shared;
mod stats;
mod stop;

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

pub use self::access_policy::AccessPolicy;
pub use self::builder::ServerBuilder;
pub use self::errors::{BuildError, BuildProblem, StartError, WaitError};
pub use self::options::Concurrency;
pub use self::report::{ShutdownCause, ShutdownReport};
pub use self::running::RunningServer;
use self::serve_loop::ServeLoop;
use self::shared::ServerShared;
pub use self::stats::Stats;
pub use self::stop::StopHandle;
use crate::registry::Registry;
use crate::target::Target;
pub use crate::transport::AckMode;
use crate::transport::{Listen, ListenError, Transport};

/// A configured server that was not started.
///
/// Starting consumes it, so a second start does not compile.
///
/// ```compile_fail
/// # async fn example(server: rpc_core::Server) -> Result<(), rpc_core::server::StartError> {
/// let running = server.start().await?;
/// server.start().await?; // moved
/// # Ok(())
/// # }
/// ```
pub struct Server {
    transport: Arc<dyn Transport>,
    listen: Listen,
    shared: Arc<ServerShared>,
    stop: StopHandle,
}

impl Server {
    /// Starts to configure a server that listens on the target's topic under the target's server name.
    ///
    /// Topic and server name are required. Namespace, version and fanout of the target are ignored, as in
    /// oslo.messaging.
    pub fn builder(transport: impl Into<Arc<dyn Transport>>, target: Target) -> ServerBuilder {
        ServerBuilder::new(transport.into(), target)
    }

    /// Returns a handle that stops the server, before or after it has started.
    #[must_use]
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// Returns the methods that the server serves.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.shared.dispatcher.registry
    }

    /// Subscribes, and runs requests from then on. When it returns, requests that are sent reach this server.
    ///
    /// A server that was stopped before its start ends at once, having consumed nothing. That is not an error.
    ///
    /// # Errors
    ///
    /// The transport cannot listen, or the server was stopped while it subscribed. The server is gone then; build
    /// another to try again.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// A start that is dropped leaves no server behind.
    pub async fn start(self) -> Result<RunningServer, StartError> {
        if self.stop.is_stopped() {
            let report = watch::channel(Some(ShutdownReport::default())).1;
            return Ok(RunningServer::new(self.stop, self.shared, report, self.listen.server));
        }
        let listener = tokio::select! {
            biased;
            listener = self.transport.listen(self.listen.clone()) => listener,
            () = self.stop.stopped() => {
                Err(ListenError::new(&self.listen, "the server was stopped while it was starting"))
            }
        };
        let listener = listener.map_err(StartError::new)?;
        tracing::info!(
            target: "rpc_core::server",
            topic = %self.listen.topic,
            server = %self.listen.server,
            endpoints = ?self.shared.dispatcher.registry,
            "server started"
        );
        let serve_loop = ServeLoop::new(listener, Arc::clone(&self.shared), self.stop.clone());
        let (ended, report) = watch::channel(None);
        tokio::spawn(async move {
            let report = serve_loop.run().await;
            tracing::info!(target: "rpc_core::server", ?report, "server ended");
            ended.send_replace(Some(report));
        });
        Ok(RunningServer::new(self.stop, self.shared, report, self.listen.server))
    }

    /// Runs the server until `signal` resolves or somebody stops it, and then shuts it down gracefully.
    ///
    /// This is all that a `main` function needs.
    ///
    /// ```no_run
    /// # async fn example(server: rpc_core::Server) -> Result<(), rpc_core::server::StartError> {
    /// # async fn ctrl_c() {}
    /// let report = server.run_until(ctrl_c()).await?;
    /// println!("{report}");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// `signal` is any future, and its output is ignored: `tokio::signal::ctrl_c()`, or `recv()` of tokio's stream of
    /// `SIGTERM`, which service managers and containers send. Both need tokio's feature `signal`. With
    /// [`std::future::pending()`] only a [`StopHandle`] stops the server.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops the server, which drains in the background.
    pub async fn run_until(self, signal: impl Future) -> Result<ShutdownReport, StartError> {
        let running = self.start().await?;
        Ok(running.run_until(signal).await.unwrap_or_default())
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("listen", &self.listen)
            .field("registry", self.registry())
            .finish_non_exhaustive()
    }
}
