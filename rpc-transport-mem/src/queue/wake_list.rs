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
        if let Some(waker) = self.first {
            waker.wake();
        }
        if !self.more.is_empty() {
            self.more.into_iter().for_each(Waker::wake);
        }
    }
}
