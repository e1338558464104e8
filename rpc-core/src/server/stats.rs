//! Counting what a server does.
//!
//! The good path counts in one place, in the loop, which no other thread writes. Everything else is rare.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a server has counted since its start.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Messages received from the transport.
    pub received: u64,
    /// Messages being run now.
    pub in_flight: u64,
    /// Methods that failed with an expected error.
    pub expected_errors: u64,
    /// Methods that failed with any other error.
    pub errors: u64,
    /// Methods that panicked.
    pub panics: u64,
    /// Requests rejected: no such namespace, version or method, bad arguments, unreadable bytes.
    pub rejected: u64,
    /// Requests whose deadline had passed, or whose caller had gone, before their method began.
    pub expired: u64,
    /// Messages that came a second time and were dropped.
    pub duplicates: u64,
    /// Redelivered messages that were not run again.
    pub redelivered: u64,
    /// Acknowledgements that failed; the message was skipped.
    pub failed_acks: u64,
    /// Replies that could not be sent.
    pub failed_replies: u64,
    /// Calls that were cut off and answered with `Interrupted`.
    pub interrupted: u64,
}

#[derive(Default)]
pub(super) struct Counters {
    pub(super) received: Counter,
    pub(super) expected_errors: Counter,
    pub(super) errors: Counter,
    pub(super) panics: Counter,
    pub(super) rejected: Counter,
    pub(super) expired: Counter,
    pub(super) duplicates: Counter,
    pub(super) redelivered: Counter,
    pub(super) failed_acks: Counter,
    pub(super) failed_replies: Counter,
    pub(super) interrupted: Counter,
}

#[derive(Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Where nobody else writes: without the price of an atomic addition.
    pub(super) fn add_one_alone(&self) {
        self.0.store(self.get() + 1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    pub(super) fn read(&self, in_flight: usize) -> Stats {
        Stats {
            received: self.received.get(),
            in_flight: in_flight as u64,
            expected_errors: self.expected_errors.get(),
            errors: self.errors.get(),
            panics: self.panics.get(),
            rejected: self.rejected.get(),
            expired: self.expired.get(),
            duplicates: self.duplicates.get(),
            redelivered: self.redelivered.get(),
            failed_acks: self.failed_acks.get(),
            failed_replies: self.failed_replies.get(),
            interrupted: self.interrupted.get(),
        }
    }
}
