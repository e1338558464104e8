//! A sender that waits for room in a full queue.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use futures_util::task::AtomicWaker;
use rpc_core::error::SendError;

use crate::queue::message::Message;
use crate::topic::Topic;
use crate::topic::address::Address;

/// How the wait ended.
#[derive(Debug, Copy, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    /// The last listener left.
    NobodyListens = 1,
    /// The broker was closed.
    Closed = 2,
    /// The message is in the queue. Of several queues (fanout), one is enough.
    HandedOver = 3,
}

/// A message on its way into one full queue, or into several (fanout).
///
/// Its queues let it in by themselves as soon as there is room, in the order the senders came; so a sender that is slow
/// to be polled holds nobody up. All changes happen under the topic's lock; the atomics only let the sender look
/// without it.
pub(crate) struct Parked {
    pub(crate) message: Message,
    /// Queues that it still waits for.
    left: AtomicUsize,
    /// The best [`End`] so far, as its number.
    best: AtomicU8,
    waker: AtomicWaker,
}

impl Parked {
    /// `reached`: some queues had room at once.
    pub(crate) fn new(message: Message, queues: usize, reached: bool) -> Self {
        Self {
            message,
            left: AtomicUsize::new(queues),
            best: AtomicU8::new(if reached { End::HandedOver as u8 } else { 0 }),
            waker: AtomicWaker::new(),
        }
    }

    /// One queue is done with it. The task to wake, if that was the last.
    pub(crate) fn end_one(&self, end: End) -> Option<Waker> {
        self.best.fetch_max(end as u8, Ordering::Relaxed);
        let last = self.left.fetch_sub(1, Ordering::AcqRel) == 1;
        if last { self.waker.take() } else { None }
    }

    pub(crate) fn end(&self) -> Option<End> {
        if self.left.load(Ordering::Acquire) != 0 {
            return None;
        }
        Some(match self.best.load(Ordering::Relaxed) {
            best if best == End::HandedOver as u8 => End::HandedOver,
            best if best == End::Closed as u8 => End::Closed,
            _ => End::NobodyListens,
        })
    }
}

/// The sender's side. Dropping it takes the message back out of the line; a fanout has reached then whom it had reached.
pub(crate) struct HandOver {
    pub(crate) parked: Arc<Parked>,
    pub(crate) topic: Arc<Topic>,
    pub(crate) address: Address,
}

impl Future for HandOver {
    type Output = Result<(), SendError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Enlisted before the look, so that an end between the two is not missed.
        self.parked.waker.register(cx.waker());
        match self.parked.end() {
            None => Poll::Pending,
            Some(End::HandedOver) => Poll::Ready(Ok(())),
            Some(End::NobodyListens) => Poll::Ready(Err(self.address.nobody_listens())),
            Some(End::Closed) => Poll::Ready(Err(self.address.closed())),
        }
    }
}

impl Drop for HandOver {
    fn drop(&mut self) {
        if self.parked.end().is_none() {
            self.topic.withdraw(&self.parked);
        }
    }
}
