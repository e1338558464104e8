//! One bounded queue: messages, and the senders that wait for space.

mod blocked_sender;
mod message;
mod wake_list;

use std::collections::VecDeque;
use std::sync::Arc;

use rpc_core::transport::Destination;

pub(crate) use self::blocked_sender::{BlockedSender, Unblocked};
pub(crate) use self::message::QueuedMessage;
pub(crate) use self::wake_list::WakeList;

pub(crate) struct Queue {
    /// Unique within the topic, and never reused.
    pub(crate) id: u64,
    exchange: Box<str>,
    /// Who consumes from it: any listener of the topic, those with one server name, or a single one (fanout).
    destination: Destination,
    capacity: usize,
    messages: VecDeque<QueuedMessage>,
    /// What found the queue full, in the order in which it came. Empty unless the queue is full.
    blocked: VecDeque<Blocked>,
    /// How long `blocked` may get before cancelled calls are removed from it.
    purge_at: usize,
    /// Listeners that consume from this queue.
    pub(crate) listeners: usize,
    /// Listeners and unfinished deliveries that refer to this queue by its index. The queue keeps its index while there
    /// are any.
    pub(crate) references: usize,
    /// Listeners that were woken for a message of this queue and have not polled since.
    pub(crate) notified: usize,
}

impl Queue {
    pub(crate) fn new(id: u64, exchange: &str, destination: Destination, capacity: usize) -> Self {
        Self {
            id,
            exchange: exchange.into(),
            destination,
            capacity,
            messages: VecDeque::new(),
            blocked: VecDeque::new(),
            purge_at: MIN_PURGE,
            listeners: 0,
            references: 0,
            notified: 0,
        }
    }

    pub(crate) fn is_for(&self, exchange: &str, destination: &Destination) -> bool {
        self.destination == *destination && *self.exchange == *exchange
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.messages.len() >= self.capacity
    }

    /// Returns whether the queue can be deleted: it is empty, and nothing refers to its index.
    pub(crate) fn is_unused(&self) -> bool {
        self.references == 0 && self.messages.is_empty()
    }

    #[inline]
    pub(crate) fn push(&mut self, message: QueuedMessage, at: InsertAt) {
        message.request.mark_sent();
        match at {
            InsertAt::Tail => self.messages.push_back(message),
            InsertAt::Random(random) => {
                let index = random as usize % (self.messages.len() + 1);
                self.messages.insert(index, message);
            }
        }
    }

    /// Returns a message to the head of the queue, where it came from. The capacity does not apply: no message may be
    /// lost.
    pub(crate) fn requeue(&mut self, message: QueuedMessage) {
        self.messages.push_front(message);
    }

    pub(crate) fn add_blocked(&mut self, blocked: Blocked) {
        // Twice as many as were left the last time, so that each call is looked at a constant number of times.
        if self.blocked.len() >= self.purge_at {
            self.blocked.retain(|blocked| !blocked.is_cancelled());
            self.purge_at = (2 * self.blocked.len()).max(MIN_PURGE);
        }
        self.blocked.push_back(blocked);
    }

    pub(crate) fn remove_blocked(&mut self, sender: &Arc<BlockedSender>) {
        self.blocked.retain(|blocked| match blocked {
            Blocked::Call(_) => true,
            Blocked::Sender(blocked) => !Arc::ptr_eq(blocked, sender),
        });
    }

    /// Drops stale messages from the head. Returns whether a message is left.
    #[inline]
    pub(crate) fn drop_stale_head(&mut self, wakes: &mut WakeList) -> bool {
        while let Some(head) = self.messages.front() {
            if !head.is_stale() {
                return true;
            }
            tracing::debug!(id = %head.request.id, method = %head.request.method,
                "dropped a queued message: expired or cancelled");
            self.messages.pop_front();
            self.unblock_senders(wakes);
        }
        false
    }

    #[inline]
    pub(crate) fn pop(&mut self, wakes: &mut WakeList) -> Option<QueuedMessage> {
        let message = self.messages.pop_front();
        self.unblock_senders(wakes);
        message
    }

    /// Enqueues the messages of blocked senders while there is space.
    fn unblock_senders(&mut self, wakes: &mut WakeList) {
        while !self.is_full()
            && let Some(blocked) = self.blocked.pop_front()
        {
            match blocked {
                Blocked::Call(call) if call.request.is_cancelled() => {}
                Blocked::Call(call) => self.push(call, InsertAt::Tail),
                Blocked::Sender(sender) => {
                    self.push(sender.message.clone(), InsertAt::Tail);
                    wakes.push(sender.unblock(Unblocked::Enqueued));
                }
            }
        }
    }

    /// Fails the blocked senders and drops the calls, as the last listener has left. Casts stay for the next listener,
    /// except in a fanout queue, which ends with its only listener.
    pub(crate) fn close_without_listeners(&mut self, wakes: &mut WakeList) -> Dropped {
        let blocked = self.fail_senders(Unblocked::NoListeners, wakes);
        let messages = std::mem::take(&mut self.messages).into_iter();
        if self.destination == Destination::Fanout {
            return self.dropped(messages.collect());
        }
        let (casts, mut calls): (_, VecDeque<_>) =
            messages.partition(|message| message.caller.is_none());
        self.messages = casts;
        calls.extend(blocked);
        self.dropped(calls)
    }

    /// Fails the blocked senders and drops all messages, as the broker is closed.
    pub(crate) fn close(&mut self, wakes: &mut WakeList) -> Dropped {
        let blocked = self.fail_senders(Unblocked::Closed, wakes);
        let mut messages = std::mem::take(&mut self.messages);
        messages.extend(blocked);
        self.dropped(messages)
    }

    fn dropped(&self, messages: VecDeque<QueuedMessage>) -> Dropped {
        let (exchange, destination) = (self.exchange.clone(), self.destination.clone());
        Dropped { exchange, destination, messages }
    }

    /// Fails the senders that wait. Returns the calls that wait.
    fn fail_senders(&mut self, result: Unblocked, wakes: &mut WakeList) -> Vec<QueuedMessage> {
        let mut calls = Vec::new();
        for blocked in self.blocked.drain(..) {
            match blocked {
                Blocked::Call(call) => calls.push(call),
                Blocked::Sender(sender) => wakes.push(sender.unblock(result)),
            }
        }
        calls
    }
}

/// With fewer blocked calls, looking for cancelled ones gains nothing.
const MIN_PURGE: usize = 64;

/// What waits for space in a full queue.
pub(crate) enum Blocked {
    /// A call. Its sender waits for the reply anyway, so it is not woken when the message is enqueued, and learns of a
    /// failure from its pending call. With 10,000 calls in flight, a future for each took a third of a call's time.
    Call(QueuedMessage),
    /// The sender of a cast or a fanout, which waits until the message is in its queues.
    Sender(Arc<BlockedSender>),
}

impl Blocked {
    fn is_cancelled(&self) -> bool {
        match self {
            Self::Call(call) => call.request.is_cancelled(),
            // Withdrawn by its future.
            Self::Sender(_) => false,
        }
    }
}

/// Where in the queue a message is inserted.
#[derive(Copy, Clone)]
pub(crate) enum InsertAt {
    Tail,
    /// The position that this random number selects: an injected fault.
    Random(u64),
}

/// Messages that no listener will consume, and where they were queued.
pub(crate) struct Dropped {
    pub(crate) exchange: Box<str>,
    pub(crate) destination: Destination,
    pub(crate) messages: VecDeque<QueuedMessage>,
}
