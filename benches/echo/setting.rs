//! Where the calls of a table run, how many are in flight, and how much they carry.

use std::fmt;
use std::time::Duration;

use rpc_benches::{TEXT, thread_time, wall_time};
use tokio::runtime::{Builder, Runtime};

use crate::options::Options;

/// The runtime and the callers of one table.
#[derive(Debug, Copy, Clone)]
pub(crate) struct Setting {
    pub(crate) threads: Threads,
    pub(crate) callers: Callers,
    /// The size of the text that each call sends.
    pub(crate) text: usize,
}

#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(crate) enum Threads {
    /// A current-thread runtime.
    Current,
    /// A multi-thread runtime with this many workers.
    Workers(usize),
}

/// Each caller has one call in flight at a time.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(crate) enum Callers {
    /// The future given to `block_on`, as in an async `main`. Waking it costs the runtime more than waking a task.
    Main,
    /// So many tasks.
    Tasks(usize),
}

/// Settings that are measured together.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(crate) enum Group {
    /// One call in flight and 64, on one thread, beside the peers.
    Calls,
    /// Up to 100,000 calls in flight.
    InFlight,
    /// Two worker threads, beside the peers.
    Threads,
    /// From 64 bytes to 4 MiB.
    Payloads,
}

impl Group {
    pub(crate) const ALL: [Self; 4] = [Self::Calls, Self::InFlight, Self::Threads, Self::Payloads];

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.name() == name)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::InFlight => "in-flight",
            Self::Threads => "threads",
            Self::Payloads => "payloads",
        }
    }

    pub(crate) fn has_peers(self) -> bool {
        matches!(self, Self::Calls | Self::Threads)
    }

    pub(crate) fn settings(self) -> Vec<Setting> {
        let one_thread = |callers| Setting { threads: Threads::Current, callers, text: TEXT.len() };
        match self {
            Self::Calls => {
                [Callers::Main, Callers::Tasks(1), Callers::Tasks(64)].map(one_thread).into()
            }
            Self::InFlight => [1_000, 10_000, 100_000].map(Callers::Tasks).map(one_thread).into(),
            Self::Threads => {
                let workers = Threads::Workers(2);
                vec![Setting { threads: workers, ..one_thread(Callers::Tasks(64)) }]
            }
            // 65,000 bytes is just below the size from which buffers were treated in another way.
            Self::Payloads => {
                [64, 1 << 10, 16 << 10, 65_000, 64 << 10, 256 << 10, 1 << 20, 4 << 20]
                    .map(|text| Setting { text, ..one_thread(Callers::Tasks(1)) })
                    .into()
            }
        }
    }
}

impl Setting {
    /// The bytes that a measurement sends at most, so that large payloads do not take minutes.
    const MAX_BYTES: usize = 32 << 20;

    /// Returns how many calls each caller makes in one measurement.
    pub(crate) fn calls_per_caller(self, options: &Options) -> usize {
        let calls = options.calls.min((Self::MAX_BYTES / self.text).max(1));
        calls.div_ceil(self.callers.count()).max(2)
    }

    /// Returns how often each subject is measured: less often where one measurement makes more calls.
    pub(crate) fn rounds(self, options: &Options) -> usize {
        let calls = self.calls_per_caller(options) * self.callers.count();
        let rounds = options.rounds * options.calls / calls.max(options.calls);
        let rounds = if self.text > TEXT.len() { rounds / 3 } else { rounds };
        rounds.max(Options::MIN_ROUNDS)
    }

    /// Reads the clock that suits the runtime.
    ///
    /// On one thread it is the processor time of that thread: the thread is never idle while calls are in flight. With
    /// more threads it is wall-clock time, because idle threads are part of the result.
    pub(crate) fn now(self) -> Duration {
        match self.threads {
            Threads::Current => thread_time(),
            Threads::Workers(_) => wall_time(),
        }
    }

    /// Returns the text that each call sends.
    pub(crate) fn text(self) -> String {
        TEXT.chars().cycle().take(self.text).collect()
    }
}

impl Threads {
    pub(crate) fn runtime(self) -> Runtime {
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

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.callers {
            Callers::Main => f.write_str("1 call from main")?,
            Callers::Tasks(1) => f.write_str("1 call from a task")?,
            Callers::Tasks(count) => write!(f, "{count} calls from tasks")?,
        }
        match self.threads {
            Threads::Current => f.write_str(", one thread")?,
            Threads::Workers(count) => write!(f, ", {count} worker threads")?,
        }
        match self.text {
            text if text == TEXT.len() => Ok(()),
            text if text >= 1 << 20 => write!(f, ", {} MiB", text >> 20),
            text if text % (1 << 10) == 0 => write!(f, ", {} KiB", text >> 10),
            text => write!(f, ", {text} bytes"),
        }
    }
}
