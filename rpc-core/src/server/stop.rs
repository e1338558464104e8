//! Asking a server to stop.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;

/// Stops a server from anywhere: another task, a signal handler, one of the server's own methods.
///
/// It exists before the server is built, so that an endpoint can own it. Cheap to clone.
#[derive(Clone, Default)]
pub struct StopHandle(Arc<Shared>);

#[derive(Default)]
struct Shared {
    stopped: AtomicBool,
    /// The server's loop: one task, woken without a lock.
    server: AtomicWaker,
    others: Notify,
}

impl StopHandle {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Asks the server to stop: it takes no further messages, finishes those it has and ends. Returns at once, and does
    /// nothing when the server has been asked before.
    ///
    /// Called inside a method, the reply to that very call is still sent. Called before the server starts, the server
    /// stops as soon as it has started.
    pub fn stop(&self) {
        if !self.0.stopped.swap(true, Ordering::AcqRel) {
            self.0.server.wake();
            self.0.others.notify_waiters();
        }
    }

    /// Whether the server has been asked to stop.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::Acquire)
    }

    /// Resolves when the server is asked to stop; at once when it has been.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is lost when the future is dropped.
    pub async fn stopped(&self) {
        loop {
            let mut asked = std::pin::pin!(self.0.others.notified());
            asked.as_mut().enable();
            if self.is_stopped() {
                return;
            }
            asked.await;
        }
    }

    /// For the server's loop, of which there is one.
    pub(super) fn poll_stopped(&self, cx: &Context<'_>) -> Poll<()> {
        if !self.is_stopped() {
            self.0.server.register(cx.waker());
        }
        // Looked at again, for a stop between the first look and the registration.
        if self.is_stopped() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl fmt::Debug for StopHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StopHandle").field("stopped", &self.is_stopped()).finish()
    }
}
