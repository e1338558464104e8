//! Counts what a server does.
//!
//! A successful request is counted in one place only: in the serve loop, which is the only writer. All other events are
//! rare.

use std::sync::atomic::{AtomicU64, Ordering};

/// The counters of a server since its start.
///
/// [`RunningServer::stats`](super::RunningServer::stats) reads them.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Messages received from the transport, without those that it could not decode.
    pub received: u64,
    /// Messages that the transport could not decode, and rejected.
    pub undecodable: u64,
    /// Requests that are running now.
    pub in_flight: u64,
    /// Methods that failed with an expected error.
    pub expected_errors: u64,
    /// Methods that failed with any other error.
    pub errors: u64,
    /// Methods that panicked.
    pub panics: u64,
    /// Requests that were rejected: unknown namespace, version or method, invalid arguments, unreadable bytes, or a layer
    /// that denied them.
    pub rejected: u64,
    /// Requests whose deadline passed, or whose caller cancelled the call, before their method started.
    pub expired: u64,
    /// Messages that were sent twice, and were dropped the second time.
    pub duplicates: u64,
    /// Redelivered messages that this server had not begun before. They are run like others.
    pub redelivered: u64,
    /// Redelivered messages that this server had begun before. They are not begun again.
    pub already_begun: u64,
    /// Messages whose connection ended before the broker confirmed their acknowledgement. They were run, and another server
    /// may have run them, too; with [`AckMode::AtMostOnce`](super::AckMode::AtMostOnce) they were not run, and may be lost.
    pub in_doubt: u64,
    /// Failed acknowledgements. A message that was to be acknowledged before its method was not run; it runs when it comes back.
    pub failed_acks: u64,
    /// Replies that could not be sent.
    pub failed_replies: u64,
    /// Calls that were aborted and answered with `Interrupted`.
    pub interrupted: u64,
}

#[derive(Default)]
pub(super) struct Counters {
    /// Messages that reached the serve loop with their request. The loop is the only writer.
    pub(super) received: Counter,
    /// Messages whose request was decoded in the task of its method.
    pub(super) decoded: Counter,
    pub(super) undecodable: Counter,
    pub(super) expected_errors: Counter,
    pub(super) errors: Counter,
    pub(super) panics: Counter,
    pub(super) rejected: Counter,
    pub(super) expired: Counter,
    pub(super) duplicates: Counter,
    pub(super) redelivered: Counter,
    pub(super) in_doubt: Counter,
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

    /// Adds one without an atomic read-modify-write. Only one task may call it.
    pub(super) fn add_one_single_writer(&self) {
        self.0.store(self.get() + 1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    pub(super) fn read(&self, in_flight: usize, already_begun: u64) -> Stats {
        Stats {
            received: self.received.get() + self.decoded.get(),
            undecodable: self.undecodable.get(),
            in_flight: in_flight as u64,
            expected_errors: self.expected_errors.get(),
            errors: self.errors.get(),
            panics: self.panics.get(),
            rejected: self.rejected.get(),
            expired: self.expired.get(),
            duplicates: self.duplicates.get(),
            redelivered: self.redelivered.get(),
            already_begun,
            in_doubt: self.in_doubt.get(),
            failed_acks: self.failed_acks.get(),
            failed_replies: self.failed_replies.get(),
            interrupted: self.interrupted.get(),
        }
    }
}
