//! Messages that the broker has delivered and that wait for a permit.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use rpc_amqp::Delivery;
use rpc_core::transport::QueueKind;
use rpc_core::transport::delivery_memory::MessageKey;
use tokio::time::Instant;

use super::acks::Settlement;
use super::request_decoder::RequestDecoder;
use crate::wire;

/// A message that has been delivered and not been decoded. It returns to its queue if it is dropped.
pub(super) struct Prefetched {
    pub(super) settlement: Settlement,
    pub(super) queue: QueueKind,
    pub(super) delivery: Delivery,
    /// When it was delivered.
    pub(super) since: Instant,
    pub(super) decoder: Arc<RequestDecoder>,
    key: OnceLock<Option<MessageKey>>,
    /// Whether somebody else settles it.
    pub(super) settled: bool,
}

impl Prefetched {
    pub(super) fn new(
        settlement: Settlement,
        queue: QueueKind,
        delivery: Delivery,
        decoder: &Arc<RequestDecoder>,
    ) -> Self {
        Self {
            settlement,
            queue,
            delivery,
            since: Instant::now(),
            decoder: Arc::clone(decoder),
            key: OnceLock::new(),
            settled: false,
        }
    }

    /// Returns what the message is recognised by. The id is searched for when it is first asked for, which may take a while in a
    /// large message.
    pub(super) fn key(&self) -> Option<MessageKey> {
        *self.key.get_or_init(|| {
            // A body that was discarded identifies nothing.
            self.delivery.oversized.is_none().then_some(())?;
            let id = wire::message_id(
                &self.delivery.message.properties(),
                &self.delivery.message.body(),
            )?;
            Some(MessageKey { queue: self.queue, id })
        })
    }

    /// Returns how often the broker has taken the message back, where it counts that.
    pub(super) fn delivery_count(&self) -> Option<u32> {
        wire::delivery_count(&self.delivery.message.properties())
    }

    /// Returns how long it has been waiting.
    fn waited(&self) -> Duration {
        self.since.elapsed()
    }
}

impl Drop for Prefetched {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        if std::thread::panicking() {
            // It would come back, and panic again.
            self.settlement.reject();
        } else {
            self.settlement.requeue();
        }
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
    waiting: VecDeque<Box<Prefetched>>,
    /// Whether the server has a permit and found no message.
    idle: bool,
    closed: bool,
}

impl PrefetchBuffer {
    /// Adds a message at the end. Returns it to its queue after [`close`](Self::close).
    pub(super) fn push(&self, message: Box<Prefetched>) {
        {
            let mut state = self.state.lock();
            if !state.closed {
                state.waiting.push_back(message);
                drop(state);
                self.waker.wake();
                return;
            }
        }
        drop(message);
    }

    /// Takes the next message for a free permit. Returns `None` after [`close`](Self::close), once nothing waits.
    pub(super) fn poll_take(&self, cx: &Context<'_>) -> Poll<Option<Box<Prefetched>>> {
        self.waker.register(cx.waker());
        let mut state = self.state.lock();
        let message = state.waiting.pop_front();
        state.idle = message.is_none();
        match message {
            Some(message) => Poll::Ready(Some(message)),
            None if state.closed => Poll::Ready(None),
            None => Poll::Pending,
        }
    }

    /// Removes the messages that the broker delivers again once their channel is closed: those of queues.
    pub(super) fn take_redelivered(&self) -> VecDeque<Box<Prefetched>> {
        self.take_old(Duration::ZERO, |message| !message.settlement.is_of_stream())
    }

    /// Removes the messages that have waited for at least `age` and that `chosen` returns true for.
    pub(super) fn take_old(
        &self,
        age: Duration,
        mut chosen: impl FnMut(&Prefetched) -> bool,
    ) -> VecDeque<Box<Prefetched>> {
        let mut state = self.state.lock();
        let waiting = state.waiting.drain(..);
        let (old, others) = waiting.partition(|it| it.waited() >= age && chosen(it));
        state.waiting = others;
        old
    }

    /// Returns whether a message has waited for at least `age`. The oldest is in front.
    pub(super) fn has_old(&self, age: Duration) -> bool {
        self.state.lock().waiting.front().is_some_and(|message| message.waited() >= age)
    }

    /// Returns whether the server waits for messages.
    pub(super) fn is_idle(&self) -> bool {
        self.state.lock().idle
    }

    /// Removes and returns all messages. Those of a closed channel cannot be settled: the broker redelivers them.
    pub(super) fn clear(&self) -> VecDeque<Box<Prefetched>> {
        std::mem::take(&mut self.state.lock().waiting)
    }

    /// Ends the buffer: no more messages are added.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.waker.wake();
    }
}
