//! An endpoint that reports each message to its case, and small helpers of many cases.

use std::time::Duration;

use rpc_core::server::{Concurrency, ServerBuilder};
use rpc_core::{Context, RunningServer, endpoint};
use tokio::sync::mpsc;

use crate::conformance::harness::TestEnv;

/// Long enough for a message to reach its method on a busy machine, short enough to be waited for: the time-out of calls
/// that are to time out while their method runs.
pub(crate) const UNTIL_INVOKED: Duration = Duration::from_secs(2);

/// An endpoint that reports each word it receives.
pub(crate) struct Reporter {
    name: &'static str,
    seen: mpsc::UnboundedSender<(&'static str, String)>,
}

/// The reports of all reporters of a case: the name and the word.
pub(crate) struct Reports {
    sender: mpsc::UnboundedSender<(&'static str, String)>,
    seen: mpsc::UnboundedReceiver<(&'static str, String)>,
}

#[endpoint(client = pub(crate) ReporterClient)]
impl Reporter {
    /// Reports a word, and returns the reporter's name.
    pub fn tell(&self, _ctx: &Context, word: String) -> String {
        // The case may have ended without looking.
        let _ = self.seen.send((self.name, word));
        self.name.to_owned()
    }
}

impl Reports {
    pub(crate) fn new() -> Self {
        let (sender, seen) = mpsc::unbounded_channel();
        Self { sender, seen }
    }

    pub(crate) fn reporter(&self, name: &'static str) -> Reporter {
        Reporter { name, seen: self.sender.clone() }
    }

    /// Waits for the next report.
    pub(crate) async fn next(&mut self) -> (&'static str, String) {
        self.seen.recv().await.unwrap()
    }

    /// Waits for `count` reports, and returns them by name.
    pub(crate) async fn next_sorted(&mut self, count: usize) -> Vec<(&'static str, String)> {
        let mut seen = Vec::new();
        for _ in 0..count {
            seen.push(self.next().await);
        }
        seen.sort();
        seen
    }

    /// Returns the reports that have not been read yet.
    pub(crate) fn rest(&mut self) -> Vec<(&'static str, String)> {
        std::iter::from_fn(|| self.seen.try_recv().ok()).collect()
    }
}

/// Returns a builder of a server that runs one message after the other.
pub(crate) fn serial(env: &TestEnv, name: &'static str) -> ServerBuilder {
    env.server(name).concurrency(Concurrency::Serial)
}

/// Stops servers, and waits until they have run what they received.
pub(crate) async fn stop_all<'a>(
    servers: impl IntoIterator<Item = &'a std::sync::Arc<RunningServer>>,
) {
    for server in servers {
        server.stop();
        server.wait().await.unwrap();
    }
}

/// Polls a future once.
pub(crate) async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    tokio::select! {
        biased;
        output = future => Some(output),
        () = std::future::ready(()) => None,
    }
}
