//! Tasks to wake once the lock is released.

use std::task::Waker;

/// Wakers collected under a lock.
///
/// There is nearly always at most one, for which nothing is allocated.
#[derive(Default)]
#[must_use = "a task that is not woken never runs again"]
pub(crate) struct WakeList {
    first: Option<Waker>,
    more: Vec<Waker>,
}

impl WakeList {
    pub(crate) fn push(&mut self, waker: Option<Waker>) {
        match &self.first {
            None => self.first = waker,
            Some(_) => self.more.extend(waker),
        }
    }

    /// Wakes the tasks. The caller must not hold a lock: a woken task may run at once on another thread.
    pub(crate) fn wake_all(self) {
        if let Some(waker) = self.first {
            waker.wake();
        }
        if !self.more.is_empty() {
            self.more.into_iter().for_each(Waker::wake);
        }
    }
}
