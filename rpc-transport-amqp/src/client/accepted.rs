//! The caller's half of cancelling: which server has taken which call.
//!
//! A server says so of calls that take a while. One that was dropped before that is cancelled when the word comes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rpc_core::pending_calls::CallKey;

#[derive(Default)]
pub(crate) struct Taken {
    by: Mutex<HashMap<CallKey, Box<str>>>,
    /// Spares the lock where nothing is taken, as is most often so.
    count: AtomicUsize,
}

impl Taken {
    /// The server that listens at this inbox has taken the call.
    pub(crate) fn note(&self, key: CallKey, server: Box<str>) {
        let mut by = self.lock();
        by.insert(key, server);
        self.count.store(by.len(), Ordering::Relaxed);
    }

    /// The call is over; the inbox of the server that had taken it.
    pub(crate) fn forget(&self, key: CallKey) -> Option<Box<str>> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let mut by = self.lock();
        let server = by.remove(&key);
        self.count.store(by.len(), Ordering::Relaxed);
        server
    }

    /// Forgets those that are over, however they ended.
    pub(crate) fn retain(&self, is_waiting: impl Fn(CallKey) -> bool) {
        let mut by = self.lock();
        by.retain(|key, _| is_waiting(*key));
        self.count.store(by.len(), Ordering::Relaxed);
    }

    pub(crate) fn is_taken(&self, key: CallKey) -> bool {
        self.lock().contains_key(&key)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CallKey, Box<str>>> {
        self.by.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
