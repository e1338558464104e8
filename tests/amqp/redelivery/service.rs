//! The endpoint. It records which server begins which message.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpc_core::{Context, endpoint};
use tokio::sync::watch;
use tokio::time::sleep;

/// What the servers of a test have begun and finished.
#[derive(Clone)]
pub(crate) struct Log {
    state: Arc<Mutex<State>>,
    barrier: Arc<watch::Sender<bool>>,
}

#[derive(Default)]
struct State {
    begun: BTreeMap<u64, Vec<&'static str>>,
    finished: usize,
}

impl Default for Log {
    fn default() -> Self {
        Self { state: Arc::default(), barrier: Arc::new(watch::Sender::new(false)) }
    }
}

impl Log {
    /// Returns how many methods have begun.
    pub(crate) fn begun(&self) -> usize {
        self.state.lock().unwrap().begun.values().map(Vec::len).sum()
    }

    /// Returns which servers have begun each message.
    pub(crate) fn servers(&self) -> BTreeMap<u64, Vec<&'static str>> {
        self.state.lock().unwrap().begun.clone()
    }

    pub(crate) fn finished(&self) -> usize {
        self.state.lock().unwrap().finished
    }

    /// Lets the methods that hold go on.
    pub(crate) fn release(&self) {
        self.barrier.send_replace(true);
    }

    /// Asserts that each of these messages has begun once.
    #[track_caller]
    pub(crate) fn assert_all_begun_once(&self, messages: impl IntoIterator<Item = u64>) {
        let begun = self.servers();
        let messages: Vec<_> = messages.into_iter().collect();
        let lost: Vec<_> = messages.iter().filter(|it| !begun.contains_key(it)).collect();
        let doubled: Vec<_> = begun.iter().filter(|(_, servers)| servers.len() > 1).collect();
        assert!(
            lost.is_empty() && doubled.is_empty(),
            "of {}: lost {} {lost:?}, doubled {} {doubled:?}",
            messages.len(),
            lost.len(),
            doubled.len()
        );
    }
}

pub(crate) struct Service {
    pub(crate) server: &'static str,
    pub(crate) log: Log,
}

#[endpoint(client = pub(crate) ServiceClient)]
impl Service {
    /// Takes so many milliseconds.
    pub async fn work(&self, _ctx: &Context, message: u64, takes: u64) -> u64 {
        self.begin(message);
        sleep(Duration::from_millis(takes)).await;
        self.finish();
        message
    }

    /// Holds until the test releases it.
    pub async fn hold(&self, _ctx: &Context, message: u64) -> u64 {
        self.begin(message);
        let _ = self.log.barrier.subscribe().wait_for(|released| *released).await;
        self.finish();
        message
    }

    /// Kills the process.
    pub fn abort(&self, _ctx: &Context) {
        std::process::abort();
    }
}

impl Service {
    fn begin(&self, message: u64) {
        self.log.state.lock().unwrap().begun.entry(message).or_default().push(self.server);
    }

    fn finish(&self) {
        self.log.state.lock().unwrap().finished += 1;
    }
}
