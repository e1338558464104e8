//! One queue of a topic: messages, and the senders that wait for room.

pub(crate) mod blocked_sender;
pub(crate) mod message;
pub(crate) mod wake_list;

use std::collections::VecDeque;
use std::sync::Arc;

use rpc_core::transport::Destination;

use crate::queue::blocked_sender::{End, Parked};
use crate::queue::message::Message;
use crate::queue::wake_list::Wakes;

pub(crate) struct Queue {
    /// No other queue of the topic ever has the same.
    pub(crate) serial: u64,
    exchange: Box<str>,
    /// Who takes from it: any listener of the topic, those with one server name, or a single one (fanout).
    destination: Destination,
    capacity: usize,
    messages: VecDeque<Message>,
    /// Senders that found no room, in the order they came. Empty unless the queue is full.
    parked: VecDeque<Arc<Parked>>,
    /// Listeners that take from this queue.
    pub(crate) listeners: usize,
    /// Listeners and unfinished deliveries that know this queue by its place: it stays there as long as one does.
    pub(crate) holders: usize,
    /// Listeners that were woken for a message of this queue and have not come yet.
    pub(crate) called: usize,
}

impl Queue {
    pub(crate) fn new(
        serial: u64,
        exchange: &str,
        destination: Destination,
        capacity: usize,
    ) -> Self {
        Self {
            serial,
            exchange: exchange.into(),
            destination,
            capacity,
            messages: VecDeque::new(),
            parked: VecDeque::new(),
            listeners: 0,
            holders: 0,
            called: 0,
        }
    }

    pub(crate) fn is(&self, exchange: &str, destination: &Destination) -> bool {
        self.destination == *destination && *self.exchange == *exchange
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.messages.len() >= self.capacity
    }

    /// Nobody knows it, nothing is in it.
    pub(crate) fn is_unused(&self) -> bool {
        self.holders == 0 && self.messages.is_empty()
    }

    #[inline]
    pub(crate) fn push(&mut self, message: Message, spot: Spot) {
        message.request.mark_sent();
        match spot {
            Spot::End => self.messages.push_back(message),
            Spot::Random(random) => {
                let place = random as usize % (self.messages.len() + 1);
                self.messages.insert(place, message);
            }
        }
    }

    /// Takes a message back: it was at the head once, and is again. Bounds do not count here; nothing may be lost.
    pub(crate) fn push_back_to_head(&mut self, message: Message) {
        self.messages.push_front(message);
    }

    pub(crate) fn park(&mut self, sender: Arc<Parked>) {
        self.parked.push_back(sender);
    }

    pub(crate) fn unpark(&mut self, sender: &Arc<Parked>) {
        self.parked.retain(|parked| !Arc::ptr_eq(parked, sender));
    }

    /// Drops what nobody wants from the head. Whether a message stands there now.
    #[inline]
    pub(crate) fn settle_head(&mut self, wakes: &mut Wakes) -> bool {
        while let Some(head) = self.messages.front() {
            if !head.is_stale() {
                return true;
            }
            tracing::debug!(id = %head.request.id, method = %head.request.method,
                "dropped a message from its queue: it expired, or its caller has gone");
            self.messages.pop_front();
            self.admit(wakes);
        }
        false
    }

    #[inline]
    pub(crate) fn pop(&mut self, wakes: &mut Wakes) -> Option<Message> {
        let message = self.messages.pop_front();
        self.admit(wakes);
        message
    }

    /// Lets waiting senders in, as far as there is room.
    fn admit(&mut self, wakes: &mut Wakes) {
        while !self.is_full()
            && let Some(sender) = self.parked.pop_front()
        {
            self.push(sender.message.clone(), Spot::End);
            wakes.add(sender.end_one(End::HandedOver));
        }
    }

    /// Nobody takes from this queue any more: sends away the senders that wait, and gives up the calls. Casts stay for
    /// the next listener, except in a fanout queue, which ends with its only one.
    pub(crate) fn orphan(&mut self, wakes: &mut Wakes) -> Gone {
        self.dismiss(End::NobodyListens, wakes);
        let messages = std::mem::take(&mut self.messages).into_iter();
        if self.destination == Destination::Fanout {
            return self.gone(messages.collect());
        }
        let (casts, calls) = messages.partition(|message| message.caller.is_none());
        self.messages = casts;
        self.gone(calls)
    }

    /// The broker ends: everything goes.
    pub(crate) fn shut(&mut self, wakes: &mut Wakes) -> Gone {
        self.dismiss(End::Closed, wakes);
        let messages = std::mem::take(&mut self.messages);
        self.gone(messages)
    }

    fn gone(&self, messages: VecDeque<Message>) -> Gone {
        let (exchange, destination) = (self.exchange.clone(), self.destination.clone());
        Gone { exchange, destination, messages }
    }

    fn dismiss(&mut self, end: End, wakes: &mut Wakes) {
        for sender in self.parked.drain(..) {
            wakes.add(sender.end_one(end));
        }
    }
}

/// Where in the queue a message goes.
#[derive(Copy, Clone)]
pub(crate) enum Spot {
    End,
    /// The place that this random number stands for: a fault.
    Random(u64),
}

/// Messages that nobody will take, and where they stood.
pub(crate) struct Gone {
    pub(crate) exchange: Box<str>,
    pub(crate) destination: Destination,
    pub(crate) messages: VecDeque<Message>,
}
