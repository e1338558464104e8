//! Tasks to wake once the lock is released.

use std::task::Waker;

/// Nearly always one task or none, for which nothing is allocated.
#[derive(Default)]
#[must_use = "a task that is not woken sleeps for ever"]
pub(crate) struct Wakes {
    first: Option<Waker>,
    more: Vec<Waker>,
}

impl Wakes {
    pub(crate) fn add(&mut self, waker: Option<Waker>) {
        match &self.first {
            None => self.first = waker,
            Some(_) => self.more.extend(waker),
        }
    }

    /// To be called without a lock: a woken task may run at once on another thread.
    pub(crate) fn wake(self) {
        self.first.into_iter().chain(self.more).for_each(Waker::wake);
    }
}
