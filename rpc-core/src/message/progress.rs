//! How far a request has come, and whether its caller still waits.
//!
//! Caller and server race in one place: a caller that gives up and a server that is about to invoke. Over a transport
//! within the process both look at the same [`Progress`], and one atomic decides who was first. So a caller whose
//! request was never begun is told so for certain.

use tokio::sync::Notify;

use super::Ran;
use crate::sync::{AtomicU8, Ordering};

const SENT: u8 = 1;
const CLAIMED: u8 = 2;
/// Beside the three above, so that what came before the cancellation stays readable.
const CANCELLED: u8 = 4;
/// Only of calls that pass through layers, which may send a request again.
const ON_ITS_WAY: u8 = 8;

/// How far a request had come when its caller gave up.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(crate) enum Reached {
    /// Never left the caller.
    Made,
    /// Left the caller; where caller and server share the request, no method has begun, and none will.
    Sent,
    /// A server has taken it up.
    Claimed,
}

impl Reached {
    /// Whether the method ran, or may yet. `exact`: caller and server share the request, so that one which was taken
    /// back before it was claimed never runs.
    pub(crate) fn ran(self, exact: bool) -> Ran {
        match self {
            Self::Made => Ran::No,
            Self::Sent if exact => Ran::No,
            Self::Sent | Self::Claimed => Ran::Unknown,
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Progress {
    state: AtomicU8,
    cancelled: Notify,
}

impl Progress {
    pub(crate) fn mark_sent(&self) {
        self.state.fetch_or(SENT, Ordering::AcqRel);
    }

    /// Whether nobody has asked this before.
    pub(crate) fn is_first_sending(&self) -> bool {
        self.state.fetch_or(ON_ITS_WAY, Ordering::AcqRel) & ON_ITS_WAY == 0
    }

    /// The server is about to invoke. False: the caller was quicker and has gone, nothing may be invoked.
    pub(crate) fn claim(&self) -> bool {
        self.state.fetch_or(CLAIMED, Ordering::AcqRel) & CANCELLED == 0
    }

    pub(crate) fn is_claimed(&self) -> bool {
        self.state.load(Ordering::Acquire) & CLAIMED != 0
    }

    pub(crate) fn cancel(&self) -> Reached {
        let before = self.state.fetch_or(CANCELLED, Ordering::AcqRel);
        self.cancelled.notify_waiters();
        match before {
            state if state & CLAIMED != 0 => Reached::Claimed,
            state if state & SENT != 0 => Reached::Sent,
            _ => Reached::Made,
        }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.state.load(Ordering::Acquire) & CANCELLED != 0
    }

    /// Resolves when the caller gives up; at once when it has already.
    ///
    /// Cancel safe: nothing is consumed by waiting.
    pub(crate) async fn cancelled(&self) {
        loop {
            // Enlisted before the flag is read, so that a cancellation between the two is not missed.
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
    fn of_a_server_that_begins_and_a_caller_that_gives_up_one_is_first() {
        loom::model(|| {
            let progress = Arc::new(Progress::default());
            progress.mark_sent();
            let server = thread::spawn({
                let progress = Arc::clone(&progress);
                move || progress.claim()
            });
            let reached = progress.cancel();
            let begins = server.join().unwrap();
            assert_eq!(begins, reached == Reached::Claimed, "{reached:?}");
            assert_eq!(begins, reached.ran(true) != Ran::No);
        });
    }
}
