//! Opening rows and timing their calls: the same for all of them.

use std::time::{Duration, Instant};

use rpc_benches::{Echoed, TEXT};
use tokio::runtime::{Builder, Runtime};

/// A client of an echo service.
pub(crate) trait Echo: Clone + Send + Sync + 'static {
    fn echo(&self, text: String, number: u64) -> impl Future<Output = Echoed> + Send;
}

/// Where a row runs and how many calls it has open.
#[derive(Debug, Copy, Clone)]
pub(crate) struct Setting {
    pub(crate) threads: Threads,
    pub(crate) in_flight: usize,
}

#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(crate) enum Threads {
    /// A current-thread runtime.
    Current,
    /// A multi-thread runtime with this many workers.
    Workers(usize),
}

pub(crate) const SETTINGS: [Setting; 3] = [
    Setting { threads: Threads::Current, in_flight: 1 },
    Setting { threads: Threads::Current, in_flight: 64 },
    Setting { threads: Threads::Workers(2), in_flight: 64 },
];

impl Threads {
    fn runtime(self) -> Runtime {
        let mut builder = match self {
            Self::Current => Builder::new_current_thread(),
            Self::Workers(_) => Builder::new_multi_thread(),
        };
        if let Self::Workers(count) = self {
            builder.worker_threads(count);
        }
        builder.enable_time().build().expect("threads can be started")
    }
}

/// A row that is ready to be called.
pub(crate) struct Lane {
    pub(crate) name: &'static str,
    runtime: Runtime,
    turn: Box<Turn>,
}

/// Times a number of calls with so many open at once.
type Turn = dyn Fn(&Runtime, usize, usize) -> Duration;

impl Lane {
    /// Each row has a runtime to itself, so that the tasks and timers of the others cost it nothing.
    pub(crate) fn open<E: Echo>(
        name: &'static str,
        setting: &Setting,
        connect: impl AsyncFnOnce() -> E,
    ) -> Self {
        let runtime = setting.threads.runtime();
        let client = runtime.block_on(connect());
        let turn = move |runtime: &Runtime, in_flight: usize, calls: usize| {
            let client = client.clone();
            // In a task: the future of `block_on` is woken in a dearer way.
            let driver = runtime.spawn(async move { drive(&client, in_flight, calls).await });
            runtime.block_on(driver).expect("no call fails")
        };
        Self { name, runtime, turn: Box::new(turn) }
    }

    /// Nanoseconds per call.
    pub(crate) fn run(&self, setting: &Setting, calls: usize) -> f64 {
        let each = calls.div_ceil(setting.in_flight);
        let took = (self.turn)(&self.runtime, setting.in_flight, each);
        took.as_secs_f64() * 1e9 / (each * setting.in_flight) as f64
    }
}

async fn drive<E: Echo>(client: &E, in_flight: usize, each: usize) -> Duration {
    let started = Instant::now();
    if in_flight == 1 {
        caller(client, each).await;
    } else {
        let callers: Vec<_> = (0..in_flight)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move { caller(&client, each).await })
            })
            .collect();
        for caller in callers {
            caller.await.expect("no call fails");
        }
    }
    started.elapsed()
}

async fn caller<E: Echo>(client: &E, calls: usize) {
    for number in 0..calls as u64 {
        // Made anew for every row alike: what is sent belongs to the caller.
        let echoed = client.echo(TEXT.to_owned(), number).await;
        assert!(echoed.number == number && echoed.text.len() == TEXT.len(), "got {echoed:?}");
    }
}
