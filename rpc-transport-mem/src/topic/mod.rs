//! One topic: all its queues and listeners, in all exchanges, under one short lock.
//!
//! A topic is locked once for a message sent and once for a message taken. Tasks are woken, and calls failed, after the
//! lock is released.

pub(crate) mod address;
mod slots;
mod state;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use rpc_core::error::SendError;
use rpc_core::pending_calls::PendingCalls;
use rpc_core::transport::{Destination, Listen};

use crate::broker::Broker;
use crate::faults::FaultLog;
use crate::queue::blocked_sender::Parked;
use crate::queue::message::Message;
use crate::queue::wake_list::Wakes;
use crate::queue::{Gone, Spot};
use crate::topic::address::{Address, exchange_of};
use crate::topic::state::State;

pub(crate) struct Topic {
    pub(crate) name: Box<str>,
    /// The broker it belongs to: a route may remember a topic of another one.
    pub(crate) broker: u64,
    pub(crate) pending_calls: PendingCalls,
    pub(crate) faults: Option<Arc<FaultLog>>,
    state: Mutex<State>,
    /// Counts the broker's restarts: deliveries from before one can no longer be acknowledged.
    epoch: AtomicU64,
    /// Deliveries that were acknowledged or given back.
    settled: AtomicU64,
}

/// Where a route's queue stood the last time, so that it need not be searched for by name.
///
/// The two halves may be of different times: a serial number is stored only for the route's own queue, so whatever slot
/// has it is right.
pub(crate) struct Hint {
    index: AtomicUsize,
    serial: AtomicU64,
}

impl Hint {
    pub(crate) const fn none() -> Self {
        Self { index: AtomicUsize::new(usize::MAX), serial: AtomicU64::new(0) }
    }

    pub(crate) fn get(&self) -> (usize, u64) {
        (self.index.load(Ordering::Relaxed), self.serial.load(Ordering::Relaxed))
    }

    pub(crate) fn set(&self, index: usize, serial: u64) {
        self.index.store(index, Ordering::Relaxed);
        self.serial.store(serial, Ordering::Relaxed);
    }
}

/// Why a message was not taken.
pub(crate) enum Refused {
    NobodyListens,
    Closed,
}

/// What became of a message that was taken.
pub(crate) enum Placed {
    Queued,
    Parked(Arc<Parked>),
}

/// The queues of one listener, by their places.
#[derive(Debug, Copy, Clone)]
pub(crate) struct Seat {
    pub(crate) index: usize,
    pub(crate) queues: [usize; 3],
}

impl Topic {
    pub(crate) fn new(name: &str, broker: &Broker) -> Self {
        Self {
            name: name.into(),
            broker: broker.id,
            pending_calls: broker.pending_calls.clone(),
            faults: broker.faults.clone(),
            state: Mutex::new(State::new(broker.config.capacity)),
            epoch: AtomicU64::new(0),
            settled: AtomicU64::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in there panics between two statements that belong together.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a message where it belongs, or in line for it.
    #[inline]
    pub(crate) fn send(
        &self,
        message: Message,
        spot: Spot,
        exchange: &str,
        destination: &Destination,
        hint: &Hint,
    ) -> Result<Placed, Refused> {
        let mut wakes = Wakes::default();
        let placed = {
            let mut state = self.lock();
            if state.closed {
                return Err(Refused::Closed);
            }
            if *destination == Destination::Fanout {
                state.push_to_all(message, spot, &mut wakes)
            } else {
                let queue = state.find(exchange, destination, hint);
                let queue = queue.ok_or(Refused::NobodyListens)?;
                state.push(queue, message, spot, &mut wakes)
            }
        };
        wakes.wake();
        placed
    }

    /// Takes a sender out of the line.
    pub(crate) fn withdraw(&self, sender: &Arc<Parked>) {
        self.lock().withdraw(sender);
    }

    /// A new listener's place; `None` when the broker has been closed.
    pub(crate) fn join(&self, listen: &Listen) -> Option<Seat> {
        let exchange = exchange_of(listen.exchange.as_deref());
        let mut state = self.lock();
        if state.closed { None } else { Some(state.join(exchange, &listen.server)) }
    }

    /// The next message for a listener, and the queue it stood in. `None`: the broker has been closed.
    #[inline]
    pub(crate) fn take(&self, seat: Seat, cx: &mut Context<'_>) -> Poll<Option<(usize, Message)>> {
        let mut wakes = Wakes::default();
        let taken = {
            let mut state = self.lock();
            if state.closed {
                return Poll::Ready(None);
            }
            state.take(seat.index, cx, &mut wakes)
        };
        wakes.wake();
        taken.map(Some)
    }

    /// A listener takes no more.
    pub(crate) fn leave(&self, seat: Seat) {
        let mut wakes = Wakes::default();
        let gone = self.lock().leave(seat.index, &mut wakes);
        wakes.wake();
        gone.into_iter().for_each(|gone| self.give_up(gone));
    }

    /// Neither a listener nor a delivery of its knows these queues by their places any more.
    pub(crate) fn release(&self, queues: [usize; 3]) {
        self.lock().release(queues);
    }

    /// Takes a delivery's message back, to the head of its queue.
    pub(crate) fn give_back(&self, queue: usize, mut message: Message) {
        message.redelivered = true;
        self.settle();
        let mut wakes = Wakes::default();
        let gone = self.lock().give_back(queue, message, &mut wakes);
        wakes.wake();
        gone.into_iter().for_each(|gone| self.give_up(gone));
    }

    /// Notes that a delivery was acknowledged.
    pub(crate) fn settle(&self) {
        self.settled.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// Whether a delivery of that epoch can still be acknowledged.
    pub(crate) fn is_current(&self, epoch: u64) -> bool {
        self.epoch() == epoch
    }

    /// Forgets who holds what.
    pub(crate) fn restart(&self) {
        self.epoch.fetch_add(1, Ordering::Relaxed);
    }

    /// Ends all listening and waiting for room, and fails the calls that nobody has taken.
    pub(crate) fn close(&self) {
        let mut wakes = Wakes::default();
        let gone = self.lock().close(&mut wakes);
        self.restart();
        wakes.wake();
        gone.into_iter().for_each(|gone| self.fail(gone, Address::closed));
    }

    /// Tells the callers that the last listener has left.
    fn give_up(&self, gone: Gone) {
        self.fail(gone, Address::last_listener_left);
    }

    /// Tells the callers that their messages did not run, or that they may have: a listener that had begun gave the
    /// message back, or has a copy of it.
    fn fail(&self, gone: Gone, never_ran: impl Fn(&Address) -> SendError) {
        if gone.messages.is_empty() {
            return;
        }
        let (exchange, topic) = (gone.exchange, self.name.clone());
        let address = Address { exchange, topic, destination: gone.destination };
        // Other listeners of a fanout may still answer.
        let is_fanout = address.destination == Destination::Fanout;
        for message in &gone.messages {
            match message.caller.filter(|_| !is_fanout) {
                Some(caller) => {
                    // First, so that nobody begins with a copy once the caller has been told.
                    message.request.cancel();
                    let error = match message.request.has_started() {
                        true => address.interrupted(),
                        false => never_ran(&address),
                    };
                    self.pending_calls.fail(caller, error);
                }
                None => tracing::debug!(id = %message.request.id, "dropped a message to {address}"),
            }
        }
    }

    /// Messages that wait in queues.
    pub(crate) fn queued(&self) -> usize {
        self.lock().queued()
    }

    /// Messages delivered and neither acknowledged nor given back.
    pub(crate) fn unacknowledged(&self) -> usize {
        // In this order no delivery is counted as settled before it is counted as taken.
        let settled = self.settled.load(Ordering::Acquire);
        let taken = self.lock().taken;
        usize::try_from(taken.saturating_sub(settled)).unwrap_or(usize::MAX)
    }

    /// Listeners that take messages.
    pub(crate) fn listeners(&self) -> usize {
        self.lock().listeners()
    }
}
