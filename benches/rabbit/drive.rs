//! Turns: the same for all rows, but for the one that calls from Python.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rpc_benches::{Echoed, TEXT};
use tokio::runtime::{Builder, Runtime};

use crate::Fallible;

const WORKERS: usize = 2;

/// Takes turns: calls for a while, with so many callers that have one call open each.
pub(crate) trait Contestant {
    fn turn(&mut self, in_flight: usize, lasts: Duration) -> Fallible<Turn>;
}

/// What was seen of one turn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    pub(crate) calls_per_second: f64,
    /// Median, in microseconds.
    pub(crate) latency: f64,
}

/// A client of an echo service.
pub(crate) trait Echo: Send + Sync + 'static {
    fn echo(&self, text: String, number: u64) -> impl Future<Output = Echoed> + Send;
}

struct OnRuntime<E> {
    runtime: Runtime,
    client: Arc<E>,
}

/// Each row has a runtime to itself, so that the tasks and timers of the others cost it nothing.
pub(crate) fn on_runtime<E: Echo>(
    connect: impl Future<Output = Fallible<E>>,
) -> Fallible<Box<dyn Contestant>> {
    let runtime = Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build()?;
    let client = Arc::new(runtime.block_on(connect)?);
    Ok(Box::new(OnRuntime { runtime, client }))
}

impl<E: Echo> Contestant for OnRuntime<E> {
    fn turn(&mut self, in_flight: usize, lasts: Duration) -> Fallible<Turn> {
        self.runtime.block_on(async {
            let started = Instant::now();
            let end = started + lasts;
            let spawn = |_| tokio::spawn(caller(Arc::clone(&self.client), end));
            let callers: Vec<_> = (0..in_flight).map(spawn).collect();
            let mut latencies = Vec::new();
            for caller in callers {
                latencies.extend(caller.await?);
            }
            Ok(Turn::new(started.elapsed(), latencies))
        })
    }
}

impl Turn {
    fn new(took: Duration, mut latencies: Vec<Duration>) -> Self {
        latencies.sort_unstable();
        Self {
            calls_per_second: latencies.len() as f64 / took.as_secs_f64(),
            latency: latencies[latencies.len() / 2].as_secs_f64() * 1e6,
        }
    }
}

/// How long each call took, at least one.
async fn caller(client: Arc<impl Echo>, end: Instant) -> Vec<Duration> {
    let mut latencies = Vec::with_capacity(1024);
    let mut before = Instant::now();
    for number in 0.. {
        // Made anew for every row alike: what is sent belongs to the caller.
        let echoed = client.echo(TEXT.to_owned(), number).await;
        assert!(echoed.number == number && echoed.text.len() == TEXT.len(), "got {echoed:?}");
        let now = Instant::now();
        latencies.push(now - before);
        if now >= end {
            break;
        }
        before = now;
    }
    latencies
}
