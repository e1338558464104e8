//! Logs what the start of a server waits for.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rpc_core::transport::Listen;
use tokio::time::sleep;

use crate::connection::ConnectionSupervisor;

/// How long a start may take without a line in the log, and the time between two looks at what it waits for.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// What the start of a server waits for.
pub(super) struct StartLog {
    topic: String,
    server: String,
    consuming: Arc<ConnectionSupervisor>,
    /// The error of the last attempt to consume.
    error: Mutex<Option<String>>,
}

enum WaitsFor {
    Answer,
    Connection(String),
    Queues(String),
}

impl WaitsFor {
    /// Returns whether it need not be logged after another one. The hosts of a broker fail in turn, each with its own text, and in
    /// between the broker is asked again.
    fn repeats(&self, logged: &Self) -> bool {
        match (self, logged) {
            (Self::Answer, _) | (Self::Connection(_), Self::Connection(_)) => true,
            (Self::Queues(error), Self::Queues(logged)) => error == logged,
            _ => false,
        }
    }
}

impl StartLog {
    pub(super) fn new(listen: &Listen, consuming: &Arc<ConnectionSupervisor>) -> Self {
        Self {
            topic: listen.topic.clone(),
            server: listen.server.clone(),
            consuming: Arc::clone(consuming),
            error: Mutex::default(),
        }
    }

    /// Notes why an attempt to consume has failed.
    pub(super) fn note(&self, error: String) {
        *self.error.lock() = Some(error);
    }

    /// Logs what the start waits for, and again when that changes. Never returns.
    pub(super) async fn run(&self) -> Infallible {
        let mut logged = None;
        loop {
            sleep(LOOK_INTERVAL).await;
            let waits_for = self.waits_for();
            if logged.as_ref().is_none_or(|logged| !waits_for.repeats(logged)) {
                let (what, error) = match &waits_for {
                    WaitsFor::Answer => ("answer", "none yet"),
                    WaitsFor::Connection(error) => ("connection", error.as_str()),
                    WaitsFor::Queues(error) => ("queues", error.as_str()),
                };
                let Self { topic, server, .. } = self;
                tracing::warn!(%topic, %server, waits_for = what, %error, "the server has not started yet, retrying");
                logged = Some(waits_for);
            }
        }
    }

    fn waits_for(&self) -> WaitsFor {
        if let Some(error) = self.consuming.last_error() {
            return WaitsFor::Connection(error.to_string());
        }
        match &*self.error.lock() {
            Some(error) => WaitsFor::Queues(error.clone()),
            None => WaitsFor::Answer,
        }
    }
}
