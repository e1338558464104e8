//! How far a request has come, and whether its caller still waits.
//!
//! A caller that cancels and a server that is about to invoke the method race. Over a transport within the process both
//! use the same [`RequestState`], and a single atomic resolves the race. So a caller whose request was never started
//! learns that for certain.

use tokio::sync::Notify;

use super::Ran;
use crate::sync::{AtomicU8, Ordering};

const SENT: u8 = 1;
const STARTED: u8 = 2;
/// A bit of its own, so that the state before the cancellation stays readable.
const CANCELLED: u8 = 4;
/// Set only for calls with layers, which may send a request again.
const SENT_ONCE: u8 = 8;

/// How far a request had come when its caller cancelled it.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(crate) enum SendState {
    /// The request never left the caller.
    NotSent,
    /// The request left the caller. Where caller and server share it, the method has not started, and never will.
    Sent,
    /// A server has started the method.
    Started,
}

impl SendState {
    /// Returns whether the method ran, or may still run.
    ///
    /// `exact`: caller and server share the request, so a request that was cancelled before it was started never runs.
    pub(crate) fn ran(self, exact: bool) -> Ran {
        match self {
            Self::NotSent => Ran::No,
            Self::Sent if exact => Ran::No,
            Self::Sent | Self::Started => Ran::Unknown,
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct RequestState {
    bits: AtomicU8,
    cancelled: Notify,
}

impl RequestState {
    pub(crate) fn mark_sent(&self) {
        self.bits.fetch_or(SENT, Ordering::AcqRel);
    }

    /// Notes that the request is being sent. Returns whether it is the first time.
    pub(crate) fn mark_sent_once(&self) -> bool {
        self.bits.fetch_or(SENT_ONCE, Ordering::AcqRel) & SENT_ONCE == 0
    }

    /// Notes that the server starts the method. Returns false when the caller cancelled first: then the method must not
    /// be invoked.
    pub(crate) fn start(&self) -> bool {
        self.bits.fetch_or(STARTED, Ordering::AcqRel) & CANCELLED == 0
    }

    pub(crate) fn is_started(&self) -> bool {
        self.bits.load(Ordering::Acquire) & STARTED != 0
    }

    /// Cancels the request. Returns the state before.
    pub(crate) fn cancel(&self) -> SendState {
        let before = self.bits.fetch_or(CANCELLED, Ordering::AcqRel);
        self.cancelled.notify_waiters();
        match before {
            bits if bits & STARTED != 0 => SendState::Started,
            bits if bits & SENT != 0 => SendState::Sent,
            _ => SendState::NotSent,
        }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.bits.load(Ordering::Acquire) & CANCELLED != 0
    }

    /// Waits until the caller cancels. Resolves at once when it has already.
    ///
    /// Cancel safe: waiting consumes nothing.
    pub(crate) async fn cancelled(&self) {
        loop {
            // Registered before the flag is read, so that a cancellation between the two is not missed.
            let mut notified = std::pin::pin!(self.cancelled.notified());
            notified.as_mut().enable();
            if self.is_cancelled() {
                return;
            }
            notified.await;
        }
    }
}

#[cfg(all(test, rpc_loom))]
mod loom_tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    #[test]
    fn a_race_between_a_starting_server_and_a_cancelling_caller_has_one_winner() {
        loom::model(|| {
            let state = Arc::new(RequestState::default());
            state.mark_sent();
            let server = thread::spawn({
                let state = Arc::clone(&state);
                move || state.start()
            });
            let before = state.cancel();
            let starts = server.join().unwrap();
            assert_eq!(starts, before == SendState::Started, "{before:?}");
            assert_eq!(starts, before.ran(true) != Ran::No);
        });
    }
}
