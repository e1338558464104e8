//! The handle of a running server.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

use super::errors::WaitError;
use super::report::ShutdownReport;
use super::shared::ServerShared;
use super::stats::Stats;
use super::stop::StopHandle;
use crate::registry::Registry;

/// A running server. Dropping it stops the server, which then drains in the background.
///
/// So keep it: after `let _ = server.start().await?` nothing runs any more, after `let _server = server.start().await?`
/// the server runs to the end of the block.
///
/// ```no_run
/// # async fn example(server: rpc_core::Server) -> Result<(), Box<dyn std::error::Error>> {
/// let running = server.start().await?;
/// println!("{} requests in flight", running.stats().in_flight);
/// running.stop();
/// println!("{}", running.wait().await?);
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping it stops the server; keep it, or use `Server::run_until`"]
pub struct RunningServer {
    stop: StopHandle,
    shared: Arc<ServerShared>,
    report: watch::Receiver<Option<ShutdownReport>>,
    name: String,
}

impl RunningServer {
    pub(super) fn new(
        stop: StopHandle,
        shared: Arc<ServerShared>,
        report: watch::Receiver<Option<ShutdownReport>>,
        name: String,
    ) -> Self {
        Self { stop, shared, report, name }
    }

    /// Asks the server to stop. Returns at once; see [`StopHandle::stop`].
    pub fn stop(&self) {
        self.stop.stop();
    }

    /// Returns a handle that stops this server.
    #[must_use]
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// Waits until the server has ended: until somebody stops it, and then until its requests are finished or aborted.
    ///
    /// May be called more than once.
    ///
    /// # Errors
    ///
    /// Fails if a method of this server calls it, which would wait for itself (oslo.messaging hangs there), or if the
    /// runtime that ran the server is gone.
    ///
    /// # Cancel safety
    ///
    /// Safe: waiting changes nothing.
    pub async fn wait(&self) -> Result<ShutdownReport, WaitError> {
        if self.shared.id.is_current() {
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
    /// Safe: when the future is dropped before the signal, the server keeps running.
    pub async fn run_until(&self, signal: impl Future) -> Result<ShutdownReport, WaitError> {
        tokio::select! {
            _ = signal => self.stop(),
            ended = self.wait() => return ended,
        }
        self.wait().await
    }

    /// Returns the server's counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let ServerShared { events, in_flight, memory, .. } = &*self.shared;
        events.stats(in_flight.len(), memory.already_begun())
    }

    /// Returns the methods that the server serves.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.shared.dispatcher.registry
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
                "stopping the server: its `RunningServer` was dropped; keep it, and wait for it"
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
