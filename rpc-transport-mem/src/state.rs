//! The state machine of a topic: no lock, no clock, no runtime.
//!
//! Who is woken for what:
//!
//! - A listener that found nothing *waits*, in the order the listeners came. A message that is put into a queue *calls*
//!   the first one waiting for that queue: takes it off the line and wakes it. A called listener that finds its message
//!   gone returns to the front.
//! - The invariant that excludes lost wake-ups: **while a queue holds a message and a listener of that queue waits, some
//!   listener has been called for that queue and has not come yet.** So every way in which a called listener can vanish
//!   (it comes and leaves more behind, it leaves) calls the next one, and whoever begins to wait has seen all its queues
//!   empty under the same lock. The one thing a listener may not do is stay, called, and never poll again; it has to
//!   leave (`stop_taking` or drop).
//! - Turns: a listener that comes while others are called for the same queue steps back once: it is called too and told
//!   to come again, which puts its task behind theirs. So servers under load alternate, and a called listener that is
//!   slow to come delays nobody for more than that.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use rpc_core::transport::Destination;

use crate::hand_over::Parked;
use crate::message::Message;
use crate::queue::Queue;
use crate::slots::Slots;
use crate::topic::{Placed, Refused, Seat};
use crate::wakes::Wakes;

pub(crate) struct State {
    capacity: usize,
    queues: Slots<Queue>,
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

#[derive(Copy, Clone, PartialEq, Eq)]
enum Turn {
    /// At work.
    Away,
    /// In the line.
    Waiting,
    /// Woken for a message of this queue.
    Called(usize),
}

/// Messages whose queue has no listeners any more.
pub(crate) struct Gone {
    pub(crate) exchange: Box<str>,
    pub(crate) destination: Destination,
    pub(crate) messages: Vec<Message>,
}

impl State {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            queues: Slots::new(),
            listeners: Slots::new(),
            waiting: VecDeque::new(),
            closed: false,
            taken: 0,
        }
    }

    /// The queue of that name, which is looked for at `hint` first.
    pub(crate) fn find(
        &self,
        exchange: &str,
        destination: &Destination,
        hint: usize,
    ) -> Option<usize> {
        if self.queues.get(hint).is_some_and(|queue| queue.is(exchange, destination)) {
            return Some(hint);
        }
        let mut queues = self.queues.iter();
        queues.find(|(_, queue)| queue.is(exchange, destination)).map(|(index, _)| index)
    }

    pub(crate) fn push(
        &mut self,
        index: usize,
        message: Message,
    ) -> Result<(Placed, Wakes), Refused> {
        let queue = self.queues.get_mut(index).filter(|queue| queue.listeners > 0);
        let queue = queue.ok_or(Refused::NobodyListens)?;
        let mut wakes = Wakes::default();
        if queue.is_full() {
            let parked = Arc::new(Parked::new(message, 1, false));
            queue.park(Arc::clone(&parked));
            return Ok((Placed::Parked(parked), wakes));
        }
        queue.push(message);
        self.call_next(index, &mut wakes);
        Ok((Placed::Queued, wakes))
    }

    /// One copy for each listener of the topic.
    pub(crate) fn push_to_all(&mut self, message: Message) -> Result<(Placed, Wakes), Refused> {
        let fanouts: Vec<usize> =
            self.listeners.iter().map(|(_, listener)| listener.queues[0]).collect();
        if fanouts.is_empty() {
            return Err(Refused::NobodyListens);
        }
        let mut wakes = Wakes::default();
        let is_full = |index: &usize| self.queues.get(*index).is_some_and(Queue::is_full);
        let (full, free): (Vec<usize>, Vec<usize>) = fanouts.into_iter().partition(is_full);
        for index in &free {
            if let Some(queue) = self.queues.get_mut(*index) {
                queue.push(message.clone());
            }
            self.call_next(*index, &mut wakes);
        }
        if full.is_empty() {
            return Ok((Placed::Queued, wakes));
        }
        let parked = Arc::new(Parked::new(message, full.len(), !free.is_empty()));
        for index in full {
            if let Some(queue) = self.queues.get_mut(index) {
                queue.park(Arc::clone(&parked));
            }
        }
        Ok((Placed::Parked(parked), wakes))
    }

    pub(crate) fn withdraw(&mut self, sender: &Arc<Parked>) {
        self.queues.values_mut().for_each(|queue| queue.unpark(sender));
    }

    /// Calls whoever waits longest for this queue.
    fn call_next(&mut self, queue: usize, wakes: &mut Wakes) {
        let listeners = &self.listeners;
        let takes = |index: &usize| {
            listeners.get(*index).is_some_and(|listener| listener.queues.contains(&queue))
        };
        let Some(position) = self.waiting.iter().position(takes) else { return };
        let Some(index) = self.waiting.remove(position) else { return };
        if let Some(listener) = self.listeners.get_mut(index) {
            listener.turn = Turn::Called(queue);
            wakes.add(listener.waker.take());
        }
        if let Some(queue) = self.queues.get_mut(queue) {
            queue.called += 1;
        }
    }

    /// Calls the next listener if there are more messages than listeners called for them.
    fn call_for_rest(&mut self, index: usize, wakes: &mut Wakes) {
        if self.queues.get(index).is_some_and(|queue| queue.len() > queue.called) {
            self.call_next(index, wakes);
        }
    }

    fn uncall(&mut self, queue: usize) {
        if let Some(queue) = self.queues.get_mut(queue) {
            queue.called -= 1;
        }
    }

    pub(crate) fn join(&mut self, exchange: &str, server: &str) -> Seat {
        let server = Destination::Server(server.to_owned().into());
        let fanout = Queue::new(exchange, Destination::Fanout, self.capacity);
        let queues = [
            self.queues.insert(fanout),
            self.find_or_create(exchange, server),
            self.find_or_create(exchange, Destination::Any),
        ];
        for queue in queues {
            if let Some(queue) = self.queues.get_mut(queue) {
                queue.listeners += 1;
                queue.holders += 1;
            }
        }
        let place = Place { queues, first: 0, turn: Turn::Away, waker: None };
        Seat { index: self.listeners.insert(place), queues }
    }

    fn find_or_create(&mut self, exchange: &str, destination: Destination) -> usize {
        self.find(exchange, &destination, 0)
            .unwrap_or_else(|| self.queues.insert(Queue::new(exchange, destination, self.capacity)))
    }

    /// The next message for a listener, with its queue; otherwise the listener waits.
    pub(crate) fn take(
        &mut self,
        index: usize,
        cx: &mut Context<'_>,
    ) -> (Poll<(usize, Message)>, Wakes) {
        let mut wakes = Wakes::default();
        let Some(listener) = self.listeners.get(index) else { return (Poll::Pending, wakes) };
        let (turn, queues, first) = (listener.turn, listener.queues, listener.first);
        if let Turn::Called(queue) = turn {
            self.uncall(queue);
        }
        let mut found = None;
        for step in 0..queues.len() {
            let at = (first + step) % queues.len();
            let queue = self.queues.get_mut(queues[at]);
            if queue.is_some_and(|queue| queue.settle_head(&mut wakes)) {
                found = Some(at);
                break;
            }
        }
        let Some(at) = found else {
            self.wait(index, turn, cx);
            return (Poll::Pending, wakes);
        };
        let from = queues[at];
        let Some(queue) = self.queues.get_mut(from) else { return (Poll::Pending, wakes) };
        if !matches!(turn, Turn::Called(_)) && queue.called > 0 {
            queue.called += 1;
            self.turn(index, turn, Turn::Called(from));
            wakes.add(Some(cx.waker().clone()));
            return (Poll::Pending, wakes);
        }
        let message = queue.pop(&mut wakes);
        self.turn(index, turn, Turn::Away);
        if let Some(listener) = self.listeners.get_mut(index) {
            listener.first = (at + 1) % queues.len();
        }
        if let Turn::Called(queue) = turn
            && queue != from
        {
            self.call_for_rest(queue, &mut wakes);
        }
        self.call_for_rest(from, &mut wakes);
        self.taken += 1;
        (message.map_or(Poll::Pending, |message| Poll::Ready((from, message))), wakes)
    }

    fn wait(&mut self, index: usize, turn: Turn, cx: &Context<'_>) {
        match turn {
            Turn::Waiting => {}
            Turn::Away => self.waiting.push_back(index),
            // Somebody was quicker; it keeps its place.
            Turn::Called(_) => self.waiting.push_front(index),
        }
        if let Some(listener) = self.listeners.get_mut(index) {
            listener.turn = Turn::Waiting;
            match &mut listener.waker {
                Some(waker) => waker.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            }
        }
    }

    fn turn(&mut self, index: usize, from: Turn, to: Turn) {
        if from == Turn::Waiting {
            self.waiting.retain(|waiting| *waiting != index);
        }
        if let Some(listener) = self.listeners.get_mut(index) {
            listener.turn = to;
        }
    }

    /// A listener takes no more: its turn goes on to the next one, and what only it could take is returned.
    pub(crate) fn leave(&mut self, index: usize) -> (Vec<Gone>, Wakes) {
        let (mut gone, mut wakes) = (Vec::new(), Wakes::default());
        let Some(listener) = self.listeners.remove(index) else { return (gone, wakes) };
        match listener.turn {
            Turn::Away => {}
            Turn::Waiting => self.waiting.retain(|waiting| *waiting != index),
            Turn::Called(queue) => {
                self.uncall(queue);
                self.call_for_rest(queue, &mut wakes);
            }
        }
        for index in listener.queues {
            let Some(queue) = self.queues.get_mut(index) else { continue };
            queue.listeners -= 1;
            if queue.listeners == 0 {
                let messages = queue.orphan(&mut wakes);
                gone.push(Gone {
                    exchange: queue.exchange.clone(),
                    destination: queue.destination.clone(),
                    messages,
                });
            }
        }
        (gone, wakes)
    }

    pub(crate) fn release(&mut self, queues: [usize; 3]) {
        for index in queues {
            let Some(queue) = self.queues.get_mut(index) else { continue };
            queue.holders -= 1;
            if queue.is_unused() {
                self.queues.remove(index);
            }
        }
    }

    /// Takes a message back. Returned: a call that nobody is left to take.
    pub(crate) fn give_back(&mut self, index: usize, message: Message) -> (Option<Gone>, Wakes) {
        let mut wakes = Wakes::default();
        let Some(queue) = self.queues.get_mut(index).filter(|_| !self.closed) else {
            return (None, wakes);
        };
        queue.push_back_to_head(message);
        if queue.listeners == 0 {
            let messages = queue.orphan(&mut wakes);
            let exchange = queue.exchange.clone();
            let destination = queue.destination.clone();
            return (Some(Gone { exchange, destination, messages }), wakes);
        }
        self.call_next(index, &mut wakes);
        (None, wakes)
    }

    pub(crate) fn close(&mut self) -> (Vec<Gone>, Wakes) {
        self.closed = true;
        let mut wakes = Wakes::default();
        self.listeners.values_mut().for_each(|listener| wakes.add(listener.waker.take()));
        let gone = self.queues.values_mut().map(|queue| Gone {
            exchange: queue.exchange.clone(),
            destination: queue.destination.clone(),
            messages: queue.shut(&mut wakes),
        });
        (gone.collect(), wakes)
    }

    pub(crate) fn queued(&self) -> usize {
        self.queues.iter().map(|(_, queue)| queue.len()).sum()
    }

    pub(crate) fn listeners(&self) -> usize {
        self.listeners.iter().count()
    }
}
