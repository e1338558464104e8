//! The server in Rust that most cases call.

use std::time::Duration;

use rpc_core::server::Concurrency;
use rpc_core::{Context, Map, Value, endpoint};
use rpc_tests::interop::InteropEnv;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

/// How long an expected event may take.
const EVENT_TIMEOUT: Duration = Duration::from_secs(10);

/// Methods of all kinds. Some of them report to the case that they ran.
#[derive(Clone)]
pub(crate) struct Service {
    name: &'static str,
    told: mpsc::UnboundedSender<(&'static str, Value)>,
    barrier: watch::Receiver<bool>,
}

/// The reports of methods, and the barrier that `hold` waits for.
pub(crate) struct Seen {
    teller: mpsc::UnboundedSender<(&'static str, Value)>,
    told: mpsc::UnboundedReceiver<(&'static str, Value)>,
    barrier: watch::Sender<bool>,
}

#[endpoint(client = pub(crate) ServiceClient)]
impl Service {
    pub fn echo(&self, _ctx: &Context, value: Value) -> Value {
        value
    }

    pub fn record(&self, _ctx: &Context, value: Value) {
        self.tell(value);
    }

    pub fn add(&self, _ctx: &Context, a: i64, b: Option<i64>) -> i64 {
        a + b.unwrap_or(10)
    }

    pub fn who(&self, _ctx: &Context) -> String {
        self.name.to_owned()
    }

    pub fn nothing(&self, _ctx: &Context) {}

    pub fn length(&self, _ctx: &Context, text: String) -> usize {
        text.len()
    }

    pub fn context(&self, ctx: &Context) -> Map {
        ctx.entries().iter().map(|(key, value)| (key.to_owned(), value.clone())).collect()
    }

    pub fn trace(&self, ctx: &Context) -> Option<(String, Option<String>)> {
        ctx.trace().map(|trace| (trace.to_string(), trace.trace_state().map(str::to_owned)))
    }

    /// Returns how much time the call has left, in milliseconds.
    pub fn remaining(&self, ctx: &Context) -> Option<u64> {
        ctx.remaining().map(|left| left.as_millis() as u64)
    }

    pub async fn sleep(&self, _ctx: &Context, millis: u64) -> u64 {
        self.tell("sleep".into());
        sleep(Duration::from_millis(millis)).await;
        millis
    }

    /// Returns when the case opens the barrier.
    pub async fn hold(&self, _ctx: &Context) -> String {
        self.tell("hold".into());
        // The case may end without opening it.
        let _ = self.barrier.clone().wait_for(|open| *open).await;
        "released".to_owned()
    }

    fn tell(&self, value: Value) {
        // The case may have ended without looking.
        let _ = self.told.send((self.name, value));
    }
}

impl Seen {
    pub(crate) fn new() -> Self {
        let (teller, told) = mpsc::unbounded_channel();
        Self { teller, told, barrier: watch::Sender::new(false) }
    }

    pub(crate) fn service(&self, name: &'static str) -> Service {
        Service { name, told: self.teller.clone(), barrier: self.barrier.subscribe() }
    }

    /// Returns the next report, and the name of the server that sent it. Waits for it.
    pub(crate) async fn next(&mut self) -> (&'static str, Value) {
        timeout(EVENT_TIMEOUT, self.told.recv()).await.expect("something runs").unwrap()
    }

    /// Returns the next `count` reports, sorted.
    pub(crate) async fn next_sorted(&mut self, count: usize) -> Vec<(&'static str, String)> {
        let mut told = Vec::new();
        for _ in 0..count {
            let (name, value) = self.next().await;
            told.push((name, value.as_str().unwrap().to_owned()));
        }
        told.sort();
        told
    }

    /// Returns the reports that have not been read yet.
    pub(crate) fn rest(&mut self) -> Vec<(&'static str, Value)> {
        std::iter::from_fn(|| self.told.try_recv().ok()).collect()
    }

    /// Lets every `hold` return, now and later.
    pub(crate) fn release(&self) {
        self.barrier.send_replace(true);
    }
}

/// Starts server `rust` of the case's topic, and returns what it reports.
pub(crate) async fn serve(env: &InteropEnv) -> Seen {
    let seen = Seen::new();
    env.serve(seen.service("rust")).await;
    seen
}

/// Starts the same server, but serial: when a later call returns, earlier casts have run.
pub(crate) async fn serve_in_order(env: &InteropEnv) -> Seen {
    let seen = Seen::new();
    let server = env.server("rust").endpoint(seen.service("rust"));
    env.start(server.concurrency(Concurrency::Serial)).await;
    seen
}
