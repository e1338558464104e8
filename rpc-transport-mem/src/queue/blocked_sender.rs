//! A sender that waits for space in a full queue.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::task::Waker;

use futures_util::task::AtomicWaker;

use super::message::QueuedMessage;

/// How the wait of a blocked sender ended. A larger value wins over a smaller one.
#[derive(Debug, Copy, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unblocked {
    /// The last listener left.
    NoListeners = 1,
    /// The broker was closed.
    Closed = 2,
    /// The message is in the queue. For a fanout, one queue is enough.
    Enqueued = 3,
}

/// A message on its way into one full queue, or into several (fanout).
///
/// A queue enqueues the message itself as soon as it has space, in the order in which the senders came, so a sender
/// that is polled late delays nobody. All changes happen under the topic's lock. The atomics only let the sender look
/// without the lock.
pub(crate) struct BlockedSender {
    pub(crate) message: QueuedMessage,
    /// How many queues it still waits for.
    waiting_for: AtomicUsize,
    /// The largest [`Unblocked`] so far as a number, 0 for none.
    result: AtomicU8,
    waker: AtomicWaker,
}

impl BlockedSender {
    /// Creates a sender that waits for so many queues. `enqueued` tells whether another queue has its message already.
    pub(crate) fn new(message: QueuedMessage, queues: usize, enqueued: bool) -> Self {
        Self {
            message,
            waiting_for: AtomicUsize::new(queues),
            result: AtomicU8::new(if enqueued { Unblocked::Enqueued as u8 } else { 0 }),
            waker: AtomicWaker::new(),
        }
    }

    /// Notes the result of one queue. Returns the task to wake if that was the last queue.
    pub(crate) fn unblock(&self, result: Unblocked) -> Option<Waker> {
        self.result.fetch_max(result as u8, Ordering::Relaxed);
        let last = self.waiting_for.fetch_sub(1, Ordering::AcqRel) == 1;
        if last { self.waker.take() } else { None }
    }

    /// Registers the task to wake. Call it before [`result`](Self::result), so that a result between the two calls is
    /// not missed.
    pub(crate) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    /// Returns how the wait ended, or `None` while it lasts.
    pub(crate) fn result(&self) -> Option<Unblocked> {
        if self.waiting_for.load(Ordering::Acquire) != 0 {
            return None;
        }
        Some(match self.result.load(Ordering::Relaxed) {
            result if result == Unblocked::Enqueued as u8 => Unblocked::Enqueued,
            result if result == Unblocked::Closed as u8 => Unblocked::Closed,
            _ => Unblocked::NoListeners,
        })
    }
}
