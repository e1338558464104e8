//! Serving calls.
//!
//! A server knows four things only: acknowledge, look up, invoke, reply. What a method is called, which arguments it takes
//! and which of its errors are expected, it reads from the [registry](crate::registry).
//!
//! [`Server::builder`] collects endpoints and options, [`build`](ServerBuilder::build) checks them all,
//! [`start`](Server::start) subscribes. One task takes messages, and each message is run by a task of its own.

mod builder;
mod cut_off;
pub(crate) mod dispatch;
mod duplicates;
mod errors;
mod heartbeat;
mod in_process;
mod incoming;
pub(crate) mod inside;
mod ping;
mod process;
mod report;
mod run;
mod slots;
mod stats;
mod stop;
mod worker;

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

pub use self::builder::ServerBuilder;
pub use self::dispatch::AccessPolicy;
pub use self::errors::{BuildError, BuildProblem, StartError, WaitError};
pub use self::ping::Ping;
pub use self::report::{ShutdownCause, ShutdownReport};
use self::run::Loop;
pub use self::stats::Stats;
pub use self::stop::StopHandle;
use self::worker::Worker;
use crate::target::Target;
pub use crate::transport::AckMode;
use crate::transport::{Listen, ListenError, Transport};

/// How messages are run.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Concurrency {
    /// One at a time, in the order they come.
    Serial,
    /// At most this many at the same time, each as a task of its own. At least 1.
    Limit(usize),
}

impl Default for Concurrency {
    /// 64 tasks, as oslo.messaging's `executor_thread_pool_size`.
    fn default() -> Self {
        Self::Limit(64)
    }
}

impl Concurrency {
    fn limit(self) -> usize {
        match self {
            Self::Serial => 1,
            Self::Limit(limit) => limit,
        }
    }
}

/// A server that has been configured and not started.
///
/// Starting it consumes it: a second start cannot be written.
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
    worker: Arc<Worker>,
    options: run::Options,
    stop: StopHandle,
}

impl Server {
    /// A server that listens on the target's topic, under the target's server name. Both are needed; namespace, version
    /// and fanout of the target are not looked at, as in oslo.messaging.
    pub fn builder(transport: impl Into<Arc<dyn Transport>>, target: Target) -> ServerBuilder {
        ServerBuilder::new(transport.into(), target)
    }

    /// Stops the server, before or after it has started.
    #[must_use]
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// What there is to call.
    #[must_use]
    pub fn registry(&self) -> &crate::registry::Registry {
        &self.worker.dispatcher.registry
    }

    /// Subscribes, and runs messages from then on. When it returns, messages that are sent reach this server.
    ///
    /// # Errors
    ///
    /// The transport cannot listen, or the server was stopped while that took its time. The server is gone then; build
    /// another to try again. One that was stopped before its start is no error: it ends at once, and took nothing.
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
            return Ok(self.never_begun());
        }
        let listener = tokio::select! {
            biased;
            listener = self.transport.listen(self.listen.clone()) => listener,
            () = self.stop.stopped() => {
                Err(ListenError::new(&self.listen, "the server was stopped while it was starting"))
            }
        };
        let listener = listener.map_err(StartError::new)?;
        let (ended, report) = watch::channel(None);
        let running = RunningServer {
            stop: self.stop.clone(),
            worker: Arc::clone(&self.worker),
            report,
            name: self.listen.server.clone(),
        };
        tracing::info!(
            target: "rpc_core::server",
            topic = %self.listen.topic,
            server = %self.listen.server,
            endpoints = ?self.worker.dispatcher.registry,
            "server started"
        );
        let serving = Loop::new(listener, self.worker, self.options, self.stop);
        tokio::spawn(async move {
            let report = serving.run().await;
            tracing::info!(target: "rpc_core::server", ?report, "server ended");
            ended.send_replace(Some(report));
        });
        Ok(running)
    }

    /// What there is to wait for where the server was stopped first.
    fn never_begun(self) -> RunningServer {
        RunningServer {
            stop: self.stop,
            worker: self.worker,
            report: watch::channel(Some(ShutdownReport::default())).1,
            name: self.listen.server,
        }
    }

    /// Runs until `signal` resolves or somebody stops the server, then drains: what a `main` needs.
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
    /// `signal` is any future, and what it resolves to is not looked at: `tokio::signal::ctrl_c()`, or the `recv()` of
    /// tokio's stream of `SIGTERM`, which is what service managers and containers send. Both need tokio's feature `signal`.
    /// With [`std::future::pending()`] only a [`StopHandle`] stops the server.
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
    /// Dropping it stops the server, which drains in the background.
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

/// A server that runs. Dropping it stops the server, which drains in the background.
///
/// So keep it: after `let _ = server.start().await?` nothing runs any more, after `let _server = server.start().await?` the
/// server runs to the end of the block.
#[must_use = "dropping it stops the server; keep it, or use `Server::run_until`"]
pub struct RunningServer {
    stop: StopHandle,
    worker: Arc<Worker>,
    report: watch::Receiver<Option<ShutdownReport>>,
    name: String,
}

impl RunningServer {
    /// Asks the server to stop. Returns at once; see [`StopHandle::stop`].
    pub fn stop(&self) {
        self.stop.stop();
    }

    /// A handle that stops this server.
    #[must_use]
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// Waits until the server has ended: until somebody stops it, if nobody has, and then until its messages are
    /// finished or cut off. May be called more than once.
    ///
    /// # Errors
    ///
    /// Inside a method of this server it would never end (oslo.messaging hangs there), and is an error; so it is when the
    /// runtime that ran the server is gone.
    ///
    /// # Cancel safety
    ///
    /// Safe: waiting changes nothing.
    pub async fn wait(&self) -> Result<ShutdownReport, WaitError> {
        if self.worker.id.is_running_here() {
            return Err(WaitError::InsideMethod { server: self.name.clone() });
        }
        self.ended().await.ok_or_else(|| WaitError::RuntimeGone { server: self.name.clone() })
    }

    /// Waits until `signal` resolves or somebody stops the server, stops it, and waits until it has ended.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    ///
    /// # Cancel safety
    ///
    /// Safe: the server goes on when the future is dropped before the signal came.
    pub async fn run_until(&self, signal: impl Future) -> Result<ShutdownReport, WaitError> {
        tokio::select! {
            _ = signal => self.stop(),
            ended = self.wait() => return ended,
        }
        self.wait().await
    }

    /// What the server has counted so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.worker.counters.read(self.worker.slots.taken())
    }

    /// What there is to call.
    #[must_use]
    pub fn registry(&self) -> &crate::registry::Registry {
        &self.worker.dispatcher.registry
    }

    async fn ended(&self) -> Option<ShutdownReport> {
        let mut report = self.report.clone();
        let ended = report.wait_for(Option::is_some).await.ok()?;
        ended.clone()
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        let has_ended = self.report.borrow().is_some();
        if !self.stop.is_stopped() && !has_ended {
            tracing::warn!(
                target: "rpc_core::server",
                server = %self.name,
                "the handle of a running server was dropped, which stops the server; keep it, and wait for it"
            );
        }
        self.stop.stop();
    }
}

impl fmt::Debug for RunningServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningServer")
            .field("server", &self.name)
            .field("stop", &self.stop)
            .finish_non_exhaustive()
    }
}
