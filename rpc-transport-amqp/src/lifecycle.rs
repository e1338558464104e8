//! Starts and closes a transport: its connections, its tasks and its state.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::join3;
use rpc_core::transport::ConnectionState;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::connection::ConnectionSupervisor;
use crate::connection::state::watch_state;

/// How long servers and the reply consumer may take to finish when the transport is closed; and then the connections.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// The connections of a transport, and the tokens that end its tasks.
pub(crate) struct Lifecycle {
    config: Arc<Config>,
    /// Publishing and consuming have a connection each. When the broker runs out of memory it stops reading from connections that
    /// publish, and acknowledgements must reach it all the same.
    pub(crate) publishing: Arc<ConnectionSupervisor>,
    pub(crate) consuming: Arc<ConnectionSupervisor>,
    /// For checks of queues, where the publishing connection cannot be used for them.
    pub(crate) checking: Arc<ConnectionSupervisor>,
    pub(crate) state: watch::Sender<ConnectionState>,
    /// Cancelled when the transport is closed: all tasks finish.
    pub(crate) closing: CancellationToken,
    /// Cancelled when all tasks have finished: the connections are closed.
    closed: CancellationToken,
    /// Tasks that are waited for before the connections are closed.
    pub(crate) tasks: TaskTracker,
    /// The runtime on which the transport was started.
    runtime: OnceLock<Handle>,
}

impl Lifecycle {
    /// Creates the connections, which connect when they are first used.
    pub(crate) fn new(config: &Arc<Config>) -> Arc<Self> {
        let closed = CancellationToken::new();
        let connection = |role| ConnectionSupervisor::new(role, config, &closed);
        Arc::new(Self {
            config: Arc::clone(config),
            publishing: connection("publishes"),
            consuming: connection("consumes"),
            checking: connection("checks queues"),
            state: watch::Sender::new(ConnectionState::Connecting),
            closing: CancellationToken::new(),
            closed,
            tasks: TaskTracker::new(),
            runtime: OnceLock::new(),
        })
    }

    /// Runs `start` and watches the connections' state, once. Does nothing outside of a tokio runtime.
    pub(crate) fn start(self: &Arc<Self>, start: impl FnOnce()) {
        if self.runtime.get().is_some() {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        let mut started = false;
        self.runtime.get_or_init(|| {
            started = true;
            self.config.log();
            start();
            let lifecycle = Arc::clone(self);
            self.spawn_until_closed(async move {
                let Self { publishing, consuming, state, .. } = &*lifecycle;
                watch_state(publishing, consuming, state).await;
            });
            runtime
        });
        // A close that came between saw no runtime, and left it to this start to end what it has started.
        if started && self.closing.is_cancelled() {
            self.spawn_finish();
        }
    }

    /// Spawns a task that is dropped when the transport is closed.
    pub(crate) fn spawn_until_closed(&self, task: impl Future<Output = ()> + Send + 'static) {
        let closing = self.closing.clone();
        tokio::spawn(async move { closing.run_until_cancelled_owned(task).await });
    }

    /// Returns whether the transport has been closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.closing.is_cancelled()
    }

    /// Closes the transport: its tasks finish, then the connections are closed. This is done on the transport's runtime, whether
    /// or not the future is awaited.
    pub(crate) fn close(self: &Arc<Self>) -> impl Future<Output = ()> + 'static {
        let first = !self.closing.is_cancelled();
        self.closing.cancel();
        let mut state = self.state.subscribe();
        if self.runtime.get().is_none() {
            self.state.send_replace(ConnectionState::Closed);
        } else if first {
            self.spawn_finish();
        }
        async move {
            let closed = state.wait_for(|state| *state == ConnectionState::Closed);
            let _ = timeout(CLOSE_TIMEOUT * 3, closed).await;
        }
    }

    fn spawn_finish(self: &Arc<Self>) {
        let Some(runtime) = self.runtime.get() else { return };
        let closed = SetClosed(Arc::clone(self));
        runtime.spawn(async move {
            closed.0.finish().await;
            drop(closed);
        });
    }

    async fn finish(&self) {
        self.tasks.close();
        let _ = timeout(CLOSE_TIMEOUT, self.tasks.wait()).await;
        self.closed.cancel();
        let connections = [&self.publishing, &self.consuming, &self.checking];
        let [publishing, consuming, checking] = connections.map(|it| it.ended());
        let _ = timeout(CLOSE_TIMEOUT, join3(publishing, consuming, checking)).await;
    }
}

/// Sets the state to closed when it is dropped: after the connections were closed, or because their runtime is gone.
struct SetClosed(Arc<Lifecycle>);

impl Drop for SetClosed {
    fn drop(&mut self) {
        self.0.state.send_replace(ConnectionState::Closed);
    }
}
