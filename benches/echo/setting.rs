//! Where the calls of a table run, and how many are in flight.

use std::fmt;

use tokio::runtime::{Builder, Runtime};

/// The runtime and the callers of one table.
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

/// Each caller has one call in flight at a time.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(crate) enum Callers {
    /// The future given to `block_on`, as in an async `main`. Waking it costs the runtime more than waking a task.
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

impl fmt::Display for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Current => f.write_str("current thread"),
            Self::Workers(count) => write!(f, "{count} worker threads"),
        }
    }
}

impl fmt::Display for Callers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Main => f.write_str("1 call from main"),
            Self::Tasks(1) => f.write_str("1 call from a task"),
            Self::Tasks(count) => write!(f, "{count} from tasks"),
        }
    }
}
