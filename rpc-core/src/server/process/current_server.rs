//! Which server's method runs on a thread. A method that waits for its own server would wait for ever.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

/// The number of a server within this process. Zero means none.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(crate) struct ServerId(u64);

impl ServerId {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// Returns the server whose method runs on this thread.
    pub(crate) fn current() -> Self {
        Self(CURRENT.get())
    }

    /// Returns whether a method of this server is being polled on this thread.
    pub(crate) fn is_current(self) -> bool {
        CURRENT.get() == self.0
    }
}

thread_local! {
    static CURRENT: Cell<u64> = const { Cell::new(0) };
}

/// Makes a server the current one of this thread until it is dropped.
pub(crate) struct EnterGuard {
    previous: u64,
}

impl EnterGuard {
    pub(crate) fn enter(server: ServerId) -> Self {
        Self { previous: CURRENT.replace(server.0) }
    }
}

impl Drop for EnterGuard {
    fn drop(&mut self) {
        CURRENT.set(self.previous);
    }
}
