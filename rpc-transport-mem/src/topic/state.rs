//! The state machine of a topic: no lock, no clock, no runtime.
//!
//! Who is woken for what:
//!
//! - A listener that found nothing *waits*, in the order the listeners came. A message that is put into a queue *calls*
//!   the first one waiting for that queue: takes it off the line and wakes it. A called listener that finds its message
//!   gone returns to the front.
//! - The invariant that excludes lost wake-ups: **while a listener of a queue waits, as many listeners have been called
//!   for that queue, and have not come yet, as it holds messages.** So every way in which a called listener can vanish
//!   without taking one of them (it took one of another queue, a waiting sender filled the gap, it left) calls the next
//!   one, and whoever begins to wait has seen all its queues empty under the same lock. The one thing a listener may not do is stay, called, and never poll again; it has to
//!   leave (`stop_consuming` or drop).
//! - Turns: a listener that comes while others are called for the same queue steps back once: it is called too and told
//!   to come again, which puts its task behind theirs. So servers under load alternate, and a called listener that is
//!   slow to come delays nobody for more than that.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use rpc_core::transport::Destination;

use crate::queue::blocked_sender::Parked;
use crate::queue::message::Message;
use crate::queue::wake_list::Wakes;
use crate::queue::{Gone, Queue, Spot};
use crate::topic::slots::Slots;
use crate::topic::{Hint, Placed, Refused, Seat};

pub(crate) struct State {
    capacity: usize,
    queues: Slots<Queue>,
    queues_made: u64,
    listeners: Slots<Place>,
    /// Listeners that wait, longest first.
    waiting: VecDeque<usize>,
    pub(crate) closed: bool,
    /// Messages taken so far.
    pub(crate) taken: u64,
}

/// One listener.
struct Place {
    /// Its fanout queue, its server's and its exchange's.
    queues: [usize; 3],
    /// Which of them is looked at first, so that none starves.
    first: usize,
    turn: Turn,
    waker: Option<Waker>,
}

/// In which order a listener looks at its queues, by the first of them.
const ORDERS: [[usize; 3]; 3] = [[0, 1, 2], [1, 2, 0], [2, 0, 1]];

#[derive(Copy, Clone, PartialEq, Eq)]
enum Turn {
    /// At work.
    Away,
    /// In the line.
    Waiting,
    /// Woken for a message of this queue.
    Called(usize),
}

impl State {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            queues: Slots::new(),
            queues_made: 0,
            listeners: Slots::new(),
            waiting: VecDeque::new(),
            closed: false,
            taken: 0,
        }
    }

    /// The queue of that name. No name is compared where the hint is right.
    #[inline]
    pub(crate) fn find(
        &self,
        exchange: &str,
        destination: &Destination,
        hint: &Hint,
    ) -> Option<usize> {
        let (index, serial) = hint.get();
        if self.queues.get(index).is_some_and(|queue| queue.serial == serial) {
            return Some(index);
        }
        let index = self.search(exchange, destination)?;
        hint.set(index, self.queues[index].serial);
        Some(index)
    }

    fn search(&self, exchange: &str, destination: &Destination) -> Option<usize> {
        let mut queues = self.queues.iter();
        queues.find(|(_, queue)| queue.is(exchange, destination)).map(|(index, _)| index)
    }

    #[inline]
    pub(crate) fn push(
        &mut self,
        index: usize,
        message: Message,
        spot: Spot,
        wakes: &mut Wakes,
    ) -> Result<Placed, Refused> {
        let queue = &mut self.queues[index];
        if queue.listeners == 0 {
            return Err(Refused::NobodyListens);
        }
        if queue.is_full() {
            let parked = Arc::new(Parked::new(message, 1, false));
            queue.park(Arc::clone(&parked));
            return Ok(Placed::Parked(parked));
        }
        queue.push(message, spot);
        self.call_next(index, wakes);
        Ok(Placed::Queued)
    }

    /// One copy for each listener of the topic.
    pub(crate) fn push_to_all(
        &mut self,
        message: Message,
        spot: Spot,
        wakes: &mut Wakes,
    ) -> Result<Placed, Refused> {
        let fanouts = self.listeners.iter().map(|(_, listener)| listener.queues[0]);
        let (full, free): (Vec<usize>, Vec<usize>) =
            fanouts.partition(|index| self.queues[*index].is_full());
        if full.is_empty() && free.is_empty() {
            return Err(Refused::NobodyListens);
        }
        for index in &free {
            self.queues[*index].push(message.clone(), spot);
            self.call_next(*index, wakes);
        }
        if full.is_empty() {
            return Ok(Placed::Queued);
        }
        let parked = Arc::new(Parked::new(message, full.len(), !free.is_empty()));
        for index in full {
            self.queues[index].park(Arc::clone(&parked));
        }
        Ok(Placed::Parked(parked))
    }

    pub(crate) fn withdraw(&mut self, sender: &Arc<Parked>) {
        self.queues.values_mut().for_each(|queue| queue.unpark(sender));
    }

    /// Calls whoever waits longest for this queue.
    #[inline]
    fn call_next(&mut self, queue: usize, wakes: &mut Wakes) {
        let takes = |index: &usize| self.listeners[*index].queues.contains(&queue);
        let index = match self.waiting.iter().position(takes) {
            None => return,
            // By far the most frequent, and nothing need be moved.
            Some(0) => self.waiting.pop_front(),
            Some(position) => self.waiting.remove(position),
        };
        let Some(index) = index else { return };
        let listener = &mut self.listeners[index];
        listener.turn = Turn::Called(queue);
        wakes.add(listener.waker.take());
        self.queues[queue].called += 1;
    }

    /// Calls the next listener if there are more messages than listeners called for them.
    fn call_for_rest(&mut self, index: usize, wakes: &mut Wakes) {
        let queue = &self.queues[index];
        if queue.len() > queue.called {
            self.call_next(index, wakes);
        }
    }

    pub(crate) fn join(&mut self, exchange: &str, server: &str) -> Seat {
        let server = Destination::Server(server.to_owned().into());
        let queues = [
            self.create(exchange, Destination::Fanout),
            self.find_or_create(exchange, server),
            self.find_or_create(exchange, Destination::Any),
        ];
        for queue in queues {
            self.queues[queue].listeners += 1;
            self.queues[queue].holders += 1;
        }
        let place = Place { queues, first: 0, turn: Turn::Away, waker: None };
        Seat { index: self.listeners.insert(place), queues }
    }

    fn find_or_create(&mut self, exchange: &str, destination: Destination) -> usize {
        match self.search(exchange, &destination) {
            Some(index) => index,
            None => self.create(exchange, destination),
        }
    }

    fn create(&mut self, exchange: &str, destination: Destination) -> usize {
        self.queues_made += 1;
        let serial = self.queues_made;
        self.queues.insert(Queue::new(serial, exchange, destination, self.capacity))
    }

    /// The next message for a listener, and the queue it stood in; otherwise the listener waits.
    #[inline]
    pub(crate) fn take(
        &mut self,
        index: usize,
        cx: &mut Context<'_>,
        wakes: &mut Wakes,
    ) -> Poll<(usize, Message)> {
        let &Place { queues, first, turn, .. } = &self.listeners[index];
        if let Turn::Called(queue) = turn {
            self.queues[queue].called -= 1;
        }
        let mut order = ORDERS[first].into_iter();
        let Some(at) = order.find(|at| self.queues[queues[*at]].settle_head(wakes)) else {
            self.wait(index, turn, cx);
            return Poll::Pending;
        };
        let from = queues[at];
        let queue = &mut self.queues[from];
        if !matches!(turn, Turn::Called(_)) && queue.called > 0 {
            queue.called += 1;
            self.turn(index, turn, Turn::Called(from));
            wakes.add(Some(cx.waker().clone()));
            return Poll::Pending;
        }
        let Some(message) = queue.pop(wakes) else { return Poll::Pending };
        self.turn(index, turn, Turn::Away);
        self.listeners[index].first = ORDERS[at][1];
        self.taken += 1;
        if let Turn::Called(queue) = turn
            && queue != from
        {
            self.call_for_rest(queue, wakes);
        }
        self.call_for_rest(from, wakes);
        Poll::Ready((from, message))
    }

    fn wait(&mut self, index: usize, turn: Turn, cx: &Context<'_>) {
        match turn {
            Turn::Waiting => {}
            Turn::Away => self.waiting.push_back(index),
            // Somebody was quicker; it keeps its place.
            Turn::Called(_) => self.waiting.push_front(index),
        }
        let listener = &mut self.listeners[index];
        listener.turn = Turn::Waiting;
        match &mut listener.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
    }

    fn turn(&mut self, index: usize, from: Turn, to: Turn) {
        if from == Turn::Waiting {
            self.waiting.retain(|waiting| *waiting != index);
        }
        self.listeners[index].turn = to;
    }

    /// A listener takes no more: its turn goes on to the next one, and what only it could take is returned.
    pub(crate) fn leave(&mut self, index: usize, wakes: &mut Wakes) -> Vec<Gone> {
        let Some(listener) = self.listeners.remove(index) else { return Vec::new() };
        match listener.turn {
            Turn::Away => {}
            Turn::Waiting => self.waiting.retain(|waiting| *waiting != index),
            Turn::Called(queue) => {
                self.queues[queue].called -= 1;
                self.call_for_rest(queue, wakes);
            }
        }
        let mut gone = Vec::new();
        for index in listener.queues {
            let queue = &mut self.queues[index];
            queue.listeners -= 1;
            if queue.listeners == 0 {
                gone.push(queue.orphan(wakes));
            }
        }
        gone
    }

    pub(crate) fn release(&mut self, queues: [usize; 3]) {
        for index in queues {
            let queue = &mut self.queues[index];
            queue.holders -= 1;
            if queue.is_unused() {
                self.queues.remove(index);
            }
        }
    }

    /// Takes a message back. Returned: a call that nobody is left to take.
    pub(crate) fn give_back(
        &mut self,
        index: usize,
        message: Message,
        wakes: &mut Wakes,
    ) -> Option<Gone> {
        if self.closed {
            return None;
        }
        let queue = &mut self.queues[index];
        queue.push_back_to_head(message);
        if queue.listeners == 0 {
            return Some(queue.orphan(wakes));
        }
        self.call_next(index, wakes);
        None
    }

    pub(crate) fn close(&mut self, wakes: &mut Wakes) -> Vec<Gone> {
        self.closed = true;
        self.listeners.values_mut().for_each(|listener| wakes.add(listener.waker.take()));
        self.queues.values_mut().map(|queue| queue.shut(wakes)).collect()
    }

    pub(crate) fn queued(&self) -> usize {
        self.queues.iter().map(|(_, queue)| queue.len()).sum()
    }

    pub(crate) fn listeners(&self) -> usize {
        self.listeners.iter().count()
    }
}

#[cfg(test)]
mod tests;
