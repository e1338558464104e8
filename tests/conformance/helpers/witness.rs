//! What several files of cases need.

use std::time::Duration;

use rpc_core::server::{Concurrency, ServerBuilder};
use rpc_core::{Context, RunningServer, endpoint};
use tokio::sync::mpsc;

use crate::conformance::harness::World;

/// Long enough for a message to reach its method on a busy machine, short enough to be waited for: the time-out of calls
/// that are to time out while their method runs.
pub(crate) const UNTIL_INVOKED: Duration = Duration::from_secs(2);

/// Tells the case what reaches it.
pub(crate) struct Witness {
    name: &'static str,
    seen: mpsc::UnboundedSender<(&'static str, String)>,
}

/// What witnesses have seen: by whom, and which word.
pub(crate) struct Seen {
    sender: mpsc::UnboundedSender<(&'static str, String)>,
    seen: mpsc::UnboundedReceiver<(&'static str, String)>,
}

#[endpoint(client = pub(crate) WitnessClient)]
impl Witness {
    /// Takes note of a word, and answers with the witness's name.
    pub fn tell(&self, _ctx: &Context, word: String) -> String {
        // The case may have ended without looking.
        let _ = self.seen.send((self.name, word));
        self.name.to_owned()
    }
}

impl Seen {
    pub(crate) fn new() -> Self {
        let (sender, seen) = mpsc::unbounded_channel();
        Self { sender, seen }
    }

    pub(crate) fn witness(&self, name: &'static str) -> Witness {
        Witness { name, seen: self.sender.clone() }
    }

    /// The next thing seen; waits for it.
    pub(crate) async fn next(&mut self) -> (&'static str, String) {
        self.seen.recv().await.unwrap()
    }

    /// The next `count` things seen, in order of the witnesses' names.
    pub(crate) async fn next_sorted(&mut self, count: usize) -> Vec<(&'static str, String)> {
        let mut seen = Vec::new();
        for _ in 0..count {
            seen.push(self.next().await);
        }
        seen.sort();
        seen
    }

    /// What has been seen beyond that.
    pub(crate) fn rest(&mut self) -> Vec<(&'static str, String)> {
        std::iter::from_fn(|| self.seen.try_recv().ok()).collect()
    }
}

/// A server of the case's topic that runs one message after the other.
pub(crate) fn inline(world: &World, name: &'static str) -> ServerBuilder {
    world.server(name).concurrency(Concurrency::Serial)
}

/// Stops servers, so that what they have taken has been run and nothing more will be.
pub(crate) async fn stop_all<'a>(
    servers: impl IntoIterator<Item = &'a std::sync::Arc<RunningServer>>,
) {
    for server in servers {
        server.stop();
        server.wait().await.unwrap();
    }
}

/// What a future comes to when it is polled once.
pub(crate) async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    tokio::select! {
        biased;
        output = future => Some(output),
        () = std::future::ready(()) => None,
    }
}
