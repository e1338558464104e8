//! The state machine of a topic: no lock, no clock, no runtime.
//!
//! How messages find listeners:
//!
//! - A listener that finds no message *waits*, in the order in which the listeners came. A message that is pushed into
//!   a queue *notifies* the first listener that waits for this queue: the listener leaves the line and is woken. If a
//!   notified listener finds its message gone, it waits again, at the front.
//! - No wake-up is lost, because of an invariant: **while a listener of a queue waits, at least as many listeners are
//!   notified for this queue as it holds messages.** A notified listener may stop being notified without taking a
//!   message of that queue: it took one of another queue, a blocked sender used the free space, or it left. Each of
//!   these notifies the next listener. A listener begins to wait only after it has seen all its queues empty under the
//!   same lock. It must not stay notified without polling again: it has to leave (`stop_consuming` or drop).
//! - Dispatch is round robin. A listener that polls while others are notified for the same queue steps back once: it is
//!   notified too, and its own task is woken, which puts it behind the others. So servers under load alternate, and a
//!   notified listener that polls late delays the others no longer than that.

use std::sync::Arc;
use std::task::{Context, Poll};

use rpc_core::transport::Destination;

use super::listeners::{ListenerEntry, ListenerId, ListenerState, Listeners};
use super::queues::{QueueHint, Queues};
use crate::queue::{Blocked, BlockedSender, Dropped, InsertAt, QueuedMessage, WakeList};

/// The queues and listeners of one topic.
pub(crate) struct TopicState {
    queues: Queues,
    listeners: Listeners,
    pub(crate) closed: bool,
    /// Messages delivered so far.
    pub(crate) delivered: u64,
}

/// Why a message was not enqueued.
pub(crate) enum EnqueueError {
    NoListeners,
    Closed,
}

/// What became of a message.
pub(crate) enum Enqueued {
    /// It is in its queue, or it is a call that waits for space.
    Done,
    /// A queue is full: the sender waits for space.
    Blocked(Arc<BlockedSender>),
}

/// The order in which a listener polls its queues, by the first of them.
const POLL_ORDERS: [[usize; 3]; 3] = [[0, 1, 2], [1, 2, 0], [2, 0, 1]];

impl TopicState {
    pub(crate) const fn new(queue_capacity: usize) -> Self {
        Self {
            queues: Queues::new(queue_capacity),
            listeners: Listeners::new(),
            closed: false,
            delivered: 0,
        }
    }

    /// Enqueues a message for one listener.
    #[inline]
    pub(crate) fn enqueue(
        &mut self,
        message: QueuedMessage,
        at: InsertAt,
        exchange: &str,
        destination: &Destination,
        hint: &QueueHint,
        wakes: &mut WakeList,
    ) -> Result<Enqueued, EnqueueError> {
        let index = self.queues.find(exchange, destination, hint);
        let index = index.ok_or(EnqueueError::NoListeners)?;
        let queue = &mut self.queues[index];
        if queue.listeners == 0 {
            return Err(EnqueueError::NoListeners);
        }
        if queue.is_full() {
            if message.caller.is_some() {
                queue.add_blocked(Blocked::Call(message));
                return Ok(Enqueued::Done);
            }
            let sender = Arc::new(BlockedSender::new(message, 1, false));
            queue.add_blocked(Blocked::Sender(Arc::clone(&sender)));
            return Ok(Enqueued::Blocked(sender));
        }
        queue.push(message, at);
        self.notify_next(index, wakes);
        Ok(Enqueued::Done)
    }

    /// Enqueues a copy of a message for each listener of the topic.
    pub(crate) fn enqueue_fanout(
        &mut self,
        message: QueuedMessage,
        at: InsertAt,
        wakes: &mut WakeList,
    ) -> Result<Enqueued, EnqueueError> {
        let fanout_queues = self.listeners.iter().map(|listener| listener.queues[0]);
        let (full, free): (Vec<usize>, Vec<usize>) =
            fanout_queues.partition(|index| self.queues[*index].is_full());
        if full.is_empty() && free.is_empty() {
            return Err(EnqueueError::NoListeners);
        }
        for index in &free {
            self.queues[*index].push(message.clone(), at);
            self.notify_next(*index, wakes);
        }
        if full.is_empty() {
            return Ok(Enqueued::Done);
        }
        let sender = Arc::new(BlockedSender::new(message, full.len(), !free.is_empty()));
        for index in full {
            self.queues[index].add_blocked(Blocked::Sender(Arc::clone(&sender)));
        }
        Ok(Enqueued::Blocked(sender))
    }

    pub(crate) fn remove_blocked(&mut self, sender: &Arc<BlockedSender>) {
        self.queues.iter_mut().for_each(|queue| queue.remove_blocked(sender));
    }

    /// Notifies the listener that has waited longest for this queue.
    #[inline]
    fn notify_next(&mut self, queue: usize, wakes: &mut WakeList) {
        if self.listeners.notify(queue, wakes) {
            self.queues[queue].notified += 1;
        }
    }

    /// Notifies the next listener if the queue holds more messages than listeners are notified for it.
    fn notify_for_rest(&mut self, index: usize, wakes: &mut WakeList) {
        let queue = &self.queues[index];
        if queue.len() > queue.notified {
            self.notify_next(index, wakes);
        }
    }

    /// Adds a listener, and the queues that it consumes from.
    pub(crate) fn add_listener(&mut self, exchange: &str, server: &str) -> ListenerId {
        let server = Destination::Server(server.to_owned().into());
        let queues = [
            self.queues.create(exchange, Destination::Fanout),
            self.queues.find_or_create(exchange, server),
            self.queues.find_or_create(exchange, Destination::Any),
        ];
        for queue in queues {
            self.queues[queue].listeners += 1;
            self.queues[queue].references += 1;
        }
        self.listeners.insert(queues)
    }

    /// Takes the next message for a listener, and returns it with the index of its queue. Lets the listener wait if
    /// there is none.
    #[inline]
    pub(crate) fn poll_next(
        &mut self,
        index: usize,
        cx: &mut Context<'_>,
        wakes: &mut WakeList,
    ) -> Poll<(usize, QueuedMessage)> {
        let &ListenerEntry { queues, first, state, .. } = &self.listeners[index];
        if let ListenerState::Notified(queue) = state {
            self.queues[queue].notified -= 1;
        }
        let mut order = POLL_ORDERS[first].into_iter();
        let Some(at) = order.find(|at| self.queues[queues[*at]].drop_stale_head(wakes)) else {
            self.listeners.wait(index, cx);
            return Poll::Pending;
        };
        let from = queues[at];
        let queue = &mut self.queues[from];
        if !matches!(state, ListenerState::Notified(_)) && queue.notified > 0 {
            queue.notified += 1;
            self.listeners.set_state(index, ListenerState::Notified(from));
            wakes.push(Some(cx.waker().clone()));
            return Poll::Pending;
        }
        let Some(message) = queue.pop(wakes) else { return Poll::Pending };
        self.listeners.set_state(index, ListenerState::Busy);
        self.listeners[index].first = POLL_ORDERS[at][1];
        self.delivered += 1;
        if let ListenerState::Notified(queue) = state
            && queue != from
        {
            self.notify_for_rest(queue, wakes);
        }
        self.notify_for_rest(from, wakes);
        Poll::Ready((from, message))
    }

    /// Removes a listener. If it was notified, the next listener is notified instead. Returns the messages that no
    /// other listener can consume.
    pub(crate) fn remove_listener(&mut self, index: usize, wakes: &mut WakeList) -> Vec<Dropped> {
        let Some(listener) = self.listeners.remove(index) else { return Vec::new() };
        if let ListenerState::Notified(queue) = listener.state {
            self.queues[queue].notified -= 1;
            self.notify_for_rest(queue, wakes);
        }
        let mut dropped = Vec::new();
        for index in listener.queues {
            let queue = &mut self.queues[index];
            queue.listeners -= 1;
            if queue.listeners == 0 {
                dropped.push(queue.close_without_listeners(wakes));
            }
        }
        dropped
    }

    /// Drops one reference to each of these queues.
    pub(crate) fn release(&mut self, queues: [usize; 3]) {
        queues.into_iter().for_each(|index| self.queues.release(index));
    }

    /// Returns a message to the head of its queue. If the queue has no listener left, a call is dropped and returned.
    pub(crate) fn requeue(
        &mut self,
        index: usize,
        message: QueuedMessage,
        wakes: &mut WakeList,
    ) -> Option<Dropped> {
        if self.closed {
            return None;
        }
        let queue = &mut self.queues[index];
        queue.requeue(message);
        if queue.listeners == 0 {
            return Some(queue.close_without_listeners(wakes));
        }
        self.notify_next(index, wakes);
        None
    }

    /// Ends all listeners and blocked senders, and drops all messages.
    pub(crate) fn close(&mut self, wakes: &mut WakeList) -> Vec<Dropped> {
        self.closed = true;
        self.listeners.wake_all(wakes);
        self.queues.iter_mut().map(|queue| queue.close(wakes)).collect()
    }

    pub(crate) fn queued(&self) -> usize {
        self.queues.iter().map(|(_, queue)| queue.len()).sum()
    }

    pub(crate) fn listeners(&self) -> usize {
        self.listeners.len()
    }
}

#[cfg(test)]
mod tests;
