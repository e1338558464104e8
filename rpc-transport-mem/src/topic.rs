//! One topic: all its queues and listeners, in all exchanges, under one short lock.
//!
//! A topic is locked once for a message sent and once for a message taken. Tasks are woken, and calls failed, after the
//! lock is released.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use rpc_core::error::SendError;
use rpc_core::transport::{Destination, Listen};
use rpc_core::waiters::Waiters;

use crate::address::{Address, exchange_of};
use crate::hand_over::Parked;
use crate::message::Message;
use crate::state::{Gone, State};

pub(crate) struct Topic {
    pub(crate) name: Box<str>,
    /// The broker it belongs to: a route may remember a topic of another one.
    pub(crate) broker: u64,
    pub(crate) waiters: Waiters,
    state: Mutex<State>,
    /// Counts the broker's restarts: deliveries from before one can no longer be acknowledged.
    epoch: AtomicU64,
    /// Deliveries that were acknowledged or given back.
    settled: AtomicU64,
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

/// A message taken, and what its delivery must know.
pub(crate) struct Taken {
    pub(crate) message: Message,
    pub(crate) queue: usize,
    pub(crate) epoch: u64,
}

/// The queues of one listener, by their places.
#[derive(Debug, Copy, Clone)]
pub(crate) struct Seat {
    pub(crate) index: usize,
    pub(crate) queues: [usize; 3],
}

impl Topic {
    pub(crate) fn new(name: &str, broker: u64, waiters: Waiters, capacity: usize) -> Self {
        Self {
            name: name.into(),
            broker,
            waiters,
            state: Mutex::new(State::new(capacity)),
            epoch: AtomicU64::new(0),
            settled: AtomicU64::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in there panics between two statements that belong together.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a message where it belongs, or in line for it. `hint`: where the queue stood the last time.
    pub(crate) fn send(
        &self,
        message: Message,
        exchange: &str,
        destination: &Destination,
        hint: &AtomicUsize,
    ) -> Result<Placed, Refused> {
        let (placed, wakes) = {
            let mut state = self.lock();
            if state.closed {
                return Err(Refused::Closed);
            }
            if *destination == Destination::Fanout {
                state.push_to_all(message)?
            } else {
                let queue = state
                    .find(exchange, destination, hint.load(Ordering::Relaxed))
                    .ok_or(Refused::NobodyListens)?;
                hint.store(queue, Ordering::Relaxed);
                state.push(queue, message)?
            }
        };
        wakes.wake();
        Ok(placed)
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

    /// The next message for a listener. `None`: the broker has been closed.
    pub(crate) fn take(&self, seat: Seat, cx: &mut Context<'_>) -> Poll<Option<Taken>> {
        let (taken, wakes) = {
            let mut state = self.lock();
            if state.closed {
                return Poll::Ready(None);
            }
            let (taken, wakes) = state.take(seat.index, cx);
            let epoch = self.epoch.load(Ordering::Relaxed);
            (taken.map(|(queue, message)| Some(Taken { message, queue, epoch })), wakes)
        };
        wakes.wake();
        taken
    }

    /// A listener takes no more.
    pub(crate) fn leave(&self, seat: Seat) {
        let (gone, wakes) = self.lock().leave(seat.index);
        wakes.wake();
        for gone in gone {
            self.fail_all(gone, |address, message| {
                if message.request.has_begun() {
                    address.interrupted()
                } else {
                    address.last_listener_left()
                }
            });
        }
    }

    /// Neither a listener nor a delivery of its knows these queues by their places any more.
    pub(crate) fn release(&self, queues: [usize; 3]) {
        self.lock().release(queues);
    }

    /// Takes a delivery's message back, to the head of its queue.
    pub(crate) fn give_back(&self, queue: usize, mut message: Message) {
        message.redelivered = true;
        self.settle();
        let (gone, wakes) = self.lock().give_back(queue, message);
        wakes.wake();
        if let Some(gone) = gone {
            self.fail_all(gone, |address, message| {
                if message.request.has_begun() {
                    address.interrupted()
                } else {
                    address.last_listener_left()
                }
            });
        }
    }

    /// Notes that a delivery was acknowledged.
    pub(crate) fn settle(&self) {
        self.settled.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether a delivery of that epoch can still be acknowledged.
    pub(crate) fn is_current(&self, epoch: u64) -> bool {
        self.epoch.load(Ordering::Relaxed) == epoch
    }

    /// Forgets who holds what.
    pub(crate) fn restart(&self) {
        self.epoch.fetch_add(1, Ordering::Relaxed);
    }

    /// Ends all listening and waiting for room, and fails the calls that nobody has taken.
    pub(crate) fn close(&self) {
        let (gone, wakes) = self.lock().close();
        self.restart();
        wakes.wake();
        for gone in gone {
            self.fail_all(gone, |address, _| address.closed());
        }
    }

    fn fail_all(&self, gone: Gone, error: impl Fn(&Address, &Message) -> SendError) {
        let (exchange, topic) = (gone.exchange, self.name.clone());
        let address = Address { exchange, topic, destination: gone.destination };
        for message in &gone.messages {
            if let Some(caller) = message.caller {
                self.waiters.fail(caller, error(&address, message));
            }
        }
    }

    /// Messages that wait in queues.
    pub(crate) fn queued(&self) -> usize {
        self.lock().queued()
    }

    /// Messages delivered and neither acknowledged nor given back.
    pub(crate) fn unacknowledged(&self) -> usize {
        let taken = self.lock().taken;
        // In this order a delivery settled between the two reads is counted as taken, or not at all.
        let settled = self.settled.load(Ordering::Relaxed);
        usize::try_from(taken.saturating_sub(settled)).unwrap_or(usize::MAX)
    }

    /// Listeners that take messages.
    pub(crate) fn listeners(&self) -> usize {
        self.lock().listeners()
    }
}
