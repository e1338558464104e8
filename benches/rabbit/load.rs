//! The load: callers that call one subject for some time. The Python client has its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rpc_benches::{Echoed, TEXT};
use tokio::runtime::{Builder, Runtime};

use crate::Fallible;

const WORKERS: usize = 2;

/// A service and its client, ready to be measured: one row of a table.
pub(crate) trait Subject {
    /// Lets so many callers call for this time, each with one call in flight.
    fn measure(&mut self, in_flight: usize, time: Duration) -> Fallible<Sample>;
}

/// The result of one measurement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) calls_per_second: f64,
    /// The median, in microseconds.
    pub(crate) latency: f64,
}

/// A client of an echo service.
pub(crate) trait Client: Send + Sync + 'static {
    fn echo(&self, text: String, number: u64) -> impl Future<Output = Echoed> + Send;
}

struct OnRuntime<C> {
    runtime: Runtime,
    client: Arc<C>,
}

/// Connects a client. Each subject has its own runtime, so the tasks and timers of the others cost it nothing.
pub(crate) fn on_runtime<C: Client>(
    connect: impl Future<Output = Fallible<C>>,
) -> Fallible<Box<dyn Subject>> {
    let runtime = Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build()?;
    let client = Arc::new(runtime.block_on(connect)?);
    Ok(Box::new(OnRuntime { runtime, client }))
}

impl<C: Client> Subject for OnRuntime<C> {
    fn measure(&mut self, in_flight: usize, time: Duration) -> Fallible<Sample> {
        self.runtime.block_on(async {
            let started = Instant::now();
            let end = started + time;
            let spawn = |_| tokio::spawn(caller(Arc::clone(&self.client), end));
            let callers: Vec<_> = (0..in_flight).map(spawn).collect();
            let mut latencies = Vec::new();
            for caller in callers {
                latencies.extend(caller.await?);
            }
            Ok(Sample::new(started.elapsed(), latencies))
        })
    }
}

impl Sample {
    fn new(took: Duration, mut latencies: Vec<Duration>) -> Self {
        latencies.sort_unstable();
        Self {
            calls_per_second: latencies.len() as f64 / took.as_secs_f64(),
            latency: latencies[latencies.len() / 2].as_secs_f64() * 1e6,
        }
    }
}

/// Calls until `end`, at least once. Returns how long each call took.
async fn caller(client: Arc<impl Client>, end: Instant) -> Vec<Duration> {
    let mut latencies = Vec::with_capacity(1024);
    let mut before = Instant::now();
    for number in 0.. {
        // Every subject pays for a new `String`: it takes ownership of the arguments.
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
