//! Knowing, on a thread, which server's method runs on it: waiting for a server inside its own method would never end.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

/// Tells servers of this process apart; zero is none.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(crate) struct ServerId(u64);

impl ServerId {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// The server whose method runs on this thread.
    pub(crate) fn here() -> Self {
        Self(RUNNING.get())
    }

    /// Whether a method of this server is being polled on this thread.
    pub(crate) fn is_running_here(self) -> bool {
        RUNNING.get() == self.0
    }
}

thread_local! {
    static RUNNING: Cell<u64> = const { Cell::new(0) };
}

/// Marks the thread while a method is polled on it.
pub(crate) struct Inside {
    before: u64,
}

impl Inside {
    pub(crate) fn enter(server: ServerId) -> Self {
        Self { before: RUNNING.replace(server.0) }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        RUNNING.set(self.before);
    }
}
