//! Messages that the broker has delivered and that wait for a permit.
//!
//! While all permits of a server are in use they wait here, and no idle server could have them. So messages that wait for long
//! are redistributed: a copy goes to the end of their queue, and the original is kept unacknowledged, so that the broker
//! delivers nothing in its place until a permit is free.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use rpc_amqp::Delivery;
use tokio::time::Instant;

use super::consumers::{Consumers, Source};

/// A message that has been delivered and waits for a permit.
pub(super) struct Prefetched {
    pub(super) consumers: Arc<Consumers>,
    pub(super) source: Source,
    pub(super) delivery: Delivery,
    /// When it was delivered.
    pub(super) since: Instant,
}

impl Prefetched {
    pub(super) fn new(consumers: &Arc<Consumers>, source: Source, delivery: Delivery) -> Self {
        Self { consumers: Arc::clone(consumers), source, delivery, since: Instant::now() }
    }

    /// Returns the delivery tag.
    pub(super) fn tag(&self) -> u64 {
        self.delivery.tag
    }

    /// Returns whether a copy of it would be the same message. A redelivered one has a mark that a copy has not, and the body of
    /// one that is too large was discarded.
    pub(super) fn can_be_copied(&self) -> bool {
        !self.delivery.redelivered && self.delivery.oversized.is_none()
    }

    /// Returns how long it has been waiting.
    pub(super) fn waited(&self) -> Duration {
        self.since.elapsed()
    }
}

/// The messages of one server that wait for a permit.
#[derive(Default)]
pub(super) struct PrefetchBuffer {
    state: Mutex<State>,
    waker: AtomicWaker,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Prefetched>,
    /// The originals of messages that were redistributed, kept unacknowledged.
    kept: Vec<(Arc<Consumers>, u64)>,
    closed: bool,
}

impl PrefetchBuffer {
    /// Adds a message at the end. Returns it to its queue after [`close`](Self::close).
    pub(super) fn push(&self, message: Prefetched) {
        {
            let mut state = self.state.lock();
            if !state.closed {
                state.waiting.push_back(message);
                drop(state);
                self.waker.wake();
                return;
            }
        }
        message.consumers.requeue(message.tag());
    }

    /// Puts messages back at the front, as they could not be redistributed.
    pub(super) fn put_back(&self, messages: Vec<Prefetched>) {
        if !messages.is_empty() {
            let mut state = self.state.lock();
            messages.into_iter().rev().for_each(|message| state.waiting.push_front(message));
            drop(state);
            self.waker.wake();
        }
    }

    /// Keeps the original of a redistributed message unacknowledged until the server takes the next message.
    pub(super) fn keep_unacked(&self, message: &Prefetched) {
        self.state.lock().kept.push((Arc::clone(&message.consumers), message.tag()));
        // A permit may have become free while the copy was published, and the server found no message. It is woken to ack this
        // one.
        self.waker.wake();
    }

    /// Takes the next message for a free permit. Returns `None` after [`close`](Self::close), once nothing waits.
    pub(super) fn poll_take(&self, cx: &Context<'_>) -> Poll<Option<Prefetched>> {
        self.waker.register(cx.waker());
        let (kept, message, closed) = {
            let mut state = self.state.lock();
            (std::mem::take(&mut state.kept), state.waiting.pop_front(), state.closed)
        };
        ack_kept(kept);
        match message {
            Some(message) => Poll::Ready(Some(message)),
            None if closed => Poll::Ready(None),
            None => Poll::Pending,
        }
    }

    /// Removes the messages of one queue that have waited for at least `age` and can be redistributed.
    pub(super) fn take_old(&self, source: Source, age: Duration) -> Vec<Prefetched> {
        let mut state = self.state.lock();
        let old = |message: &Prefetched| {
            message.source == source && message.waited() >= age && message.can_be_copied()
        };
        let (old, young): (Vec<_>, _) = state.waiting.drain(..).partition(old);
        state.waiting = young.into();
        old
    }

    /// Returns whether a message has waited for at least `age`. The oldest is in front.
    pub(super) fn has_old(&self, age: Duration) -> bool {
        self.state.lock().waiting.front().is_some_and(|message| message.waited() >= age)
    }

    /// Removes and returns all messages. Those of a closed channel cannot be settled: the broker redelivers them.
    pub(super) fn clear(&self) -> Vec<Prefetched> {
        let mut state = self.state.lock();
        let kept = std::mem::take(&mut state.kept);
        let waiting = state.waiting.drain(..).collect();
        drop(state);
        ack_kept(kept);
        waiting
    }

    /// Ends the buffer: no more messages are added.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.waker.wake();
    }
}

/// Acks the originals of redistributed messages. If that fails they are redelivered, marked so, and not run.
fn ack_kept(kept: Vec<(Arc<Consumers>, u64)>) {
    for (consumers, tag) in kept {
        let _ = consumers.ack(tag);
    }
}
