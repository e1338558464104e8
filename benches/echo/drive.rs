//! Opening rows and timing their calls: the same for all of them.

use std::time::Duration;

use rpc_benches::{Echoed, TEXT};
use tokio::runtime::{Builder, Runtime};

use crate::clock;

/// A client of an echo service.
pub(crate) trait Echo: Clone + Send + Sync + 'static {
    fn echo(&self, text: String, number: u64) -> impl Future<Output = Echoed> + Send;
}

/// Where a row runs and how many calls it has open.
#[derive(Debug, Copy, Clone)]
pub(crate) struct Setting {
    pub(crate) threads: Threads,
    pub(crate) callers: Callers,
}

#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(crate) enum Threads {
    /// A current-thread runtime.
    Current,
    /// A multi-thread runtime with this many workers.
    Workers(usize),
}

/// Each caller has one call open at a time.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(crate) enum Callers {
    /// The future given to `block_on`, as in an async `main`: the runtime wakes it in a dearer way than a task.
    Main,
    /// So many tasks.
    Tasks(usize),
}

pub(crate) const SETTINGS: [Setting; 4] = [
    Setting { threads: Threads::Current, callers: Callers::Main },
    Setting { threads: Threads::Current, callers: Callers::Tasks(1) },
    Setting { threads: Threads::Current, callers: Callers::Tasks(64) },
    Setting { threads: Threads::Workers(2), callers: Callers::Tasks(64) },
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

impl Callers {
    pub(crate) fn count(self) -> usize {
        match self {
            Self::Main => 1,
            Self::Tasks(count) => count,
        }
    }
}

/// A row that is ready to be called.
pub(crate) struct Lane {
    pub(crate) name: &'static str,
    runtime: Runtime,
    turn: Box<Turn>,
}

/// Times so many calls of each caller.
type Turn = dyn Fn(&Runtime, usize) -> Duration;

impl Lane {
    /// Each row has a runtime to itself, so that the tasks and timers of the others cost it nothing.
    pub(crate) fn open<E: Echo>(
        name: &'static str,
        setting: Setting,
        connect: impl AsyncFnOnce() -> E,
    ) -> Self {
        let runtime = setting.threads.runtime();
        let client = runtime.block_on(connect());
        let turn = move |runtime: &Runtime, each| runtime.block_on(drive(&client, setting, each));
        Self { name, runtime, turn: Box::new(turn) }
    }

    /// Nanoseconds per call.
    pub(crate) fn run(&self, setting: Setting, calls: usize) -> f64 {
        let each = calls.div_ceil(setting.callers.count());
        let took = (self.turn)(&self.runtime, each);
        took.as_secs_f64() * 1e9 / (each * setting.callers.count()) as f64
    }
}

async fn drive<E: Echo>(client: &E, setting: Setting, each: usize) -> Duration {
    let started = clock::now(setting.threads);
    match setting.callers {
        Callers::Main => caller(client, each).await,
        Callers::Tasks(count) => {
            let spawn = |_| {
                let client = client.clone();
                tokio::spawn(async move { caller(&client, each).await })
            };
            for caller in (0..count).map(spawn).collect::<Vec<_>>() {
                caller.await.expect("no call fails");
            }
        }
    }
    clock::now(setting.threads) - started
}

async fn caller<E: Echo>(client: &E, calls: usize) {
    for number in 0..calls as u64 {
        // Made anew for every row alike: what is sent belongs to the caller.
        let echoed = client.echo(TEXT.to_owned(), number).await;
        assert!(echoed.number == number && echoed.text.len() == TEXT.len(), "got {echoed:?}");
    }
}
