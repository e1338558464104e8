//! One topic: its queues and listeners, in all exchanges, under one short lock.
//!
//! The lock is taken once for a message sent and once for a message delivered. Tasks are woken, and calls failed, after
//! the lock is released.

mod address;
mod listeners;
mod queues;
mod state;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use parking_lot::Mutex;
use rpc_core::error::SendError;
use rpc_core::pending_calls::PendingCalls;
use rpc_core::transport::{Destination, Listen};

pub(crate) use self::address::{Address, exchange_name};
pub(crate) use self::listeners::ListenerId;
pub(crate) use self::queues::QueueHint;
use self::state::TopicState;
pub(crate) use self::state::{EnqueueError, Enqueued};
use crate::faults::FaultLog;
use crate::queue::{BlockedSender, Dropped, InsertAt, QueuedMessage, WakeList};

pub(crate) struct Topic {
    pub(crate) name: Box<str>,
    pub(crate) broker: BrokerHandle,
    state: Mutex<TopicState>,
    /// Counts the broker's restarts: deliveries from before a restart can no longer be acknowledged.
    epoch: AtomicU64,
    /// Deliveries that were acknowledged or requeued.
    settled: AtomicU64,
}

/// The parts of a broker that its topics use.
#[derive(Clone)]
pub(crate) struct BrokerHandle {
    /// Tells the broker from all others of the process: a route may remember a topic of another one.
    pub(crate) id: u64,
    pub(crate) pending_calls: PendingCalls,
    pub(crate) fault_log: Option<Arc<FaultLog>>,
}

impl Topic {
    pub(crate) fn new(name: &str, queue_capacity: usize, broker: BrokerHandle) -> Self {
        Self {
            name: name.into(),
            broker,
            state: Mutex::new(TopicState::new(queue_capacity)),
            epoch: AtomicU64::new(0),
            settled: AtomicU64::new(0),
        }
    }

    /// Enqueues a message, or lets its sender wait for space.
    #[inline]
    pub(crate) fn enqueue(
        &self,
        message: QueuedMessage,
        at: InsertAt,
        exchange: &str,
        destination: &Destination,
        hint: &QueueHint,
    ) -> Result<Enqueued, EnqueueError> {
        let mut wakes = WakeList::default();
        let enqueued = {
            let mut state = self.state.lock();
            if state.closed {
                return Err(EnqueueError::Closed);
            }
            if *destination == Destination::Fanout {
                state.enqueue_fanout(message, at, &mut wakes)
            } else {
                state.enqueue(message, at, exchange, destination, hint, &mut wakes)
            }
        };
        wakes.wake_all();
        enqueued
    }

    /// Withdraws the message of a blocked sender.
    pub(crate) fn remove_blocked(&self, sender: &Arc<BlockedSender>) {
        self.state.lock().remove_blocked(sender);
    }

    /// Adds a listener. Returns `None` if the broker is closed.
    pub(crate) fn add_listener(&self, listen: &Listen) -> Option<ListenerId> {
        let exchange = exchange_name(listen.exchange.as_deref());
        let mut state = self.state.lock();
        if state.closed { None } else { Some(state.add_listener(exchange, &listen.server)) }
    }

    /// Takes the next message for a listener, and returns it with the index of its queue, or `None` if the broker is
    /// closed.
    #[inline]
    pub(crate) fn poll_next(
        &self,
        listener: ListenerId,
        cx: &mut Context<'_>,
    ) -> Poll<Option<(usize, QueuedMessage)>> {
        let mut wakes = WakeList::default();
        let next = {
            let mut state = self.state.lock();
            if state.closed {
                return Poll::Ready(None);
            }
            state.poll_next(listener.index, cx, &mut wakes)
        };
        wakes.wake_all();
        next.map(Some)
    }

    /// Removes a listener, and fails the calls that no other listener can consume.
    pub(crate) fn remove_listener(&self, listener: ListenerId) {
        let mut wakes = WakeList::default();
        let dropped = self.state.lock().remove_listener(listener.index, &mut wakes);
        wakes.wake_all();
        dropped.into_iter().for_each(|dropped| self.fail(dropped, Address::last_listener_left));
    }

    /// Drops one reference to each of these queues, as a listener and all its deliveries are gone.
    pub(crate) fn release(&self, queues: [usize; 3]) {
        self.state.lock().release(queues);
    }

    /// Returns a delivered message to the head of its queue.
    pub(crate) fn requeue(&self, queue: usize, mut message: QueuedMessage) {
        message.redelivered = true;
        self.count_settled();
        let mut wakes = WakeList::default();
        let dropped = self.state.lock().requeue(queue, message, &mut wakes);
        wakes.wake_all();
        dropped.into_iter().for_each(|dropped| self.fail(dropped, Address::last_listener_left));
    }

    /// Counts a delivery that was acknowledged.
    pub(crate) fn count_settled(&self) {
        self.settled.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// Forgets which listener holds which message.
    pub(crate) fn restart(&self) {
        self.epoch.fetch_add(1, Ordering::Relaxed);
    }

    /// Ends all listeners and blocked senders, and fails the calls that wait in queues.
    pub(crate) fn close(&self) {
        let mut wakes = WakeList::default();
        let dropped = self.state.lock().close(&mut wakes);
        self.restart();
        wakes.wake_all();
        dropped.into_iter().for_each(|dropped| self.fail(dropped, Address::closed));
    }

    /// Fails the calls among dropped messages. Their methods did not run, or may have run: the listener that requeued
    /// the message had started the method, or a listener has a copy of the message.
    fn fail(&self, dropped: Dropped, not_run: impl Fn(&Address) -> SendError) {
        if dropped.messages.is_empty() {
            return;
        }
        let (exchange, topic) = (dropped.exchange, self.name.clone());
        let address = Address { exchange, topic, destination: dropped.destination };
        // Other listeners of a fanout may still reply.
        let is_fanout = address.destination == Destination::Fanout;
        for message in &dropped.messages {
            match message.caller.filter(|_| !is_fanout) {
                Some(caller) => {
                    // Cancelled first, so that no listener starts a copy once the caller has its error.
                    message.request.cancel();
                    let error = match message.request.has_started() {
                        true => address.interrupted(),
                        false => not_run(&address),
                    };
                    self.broker.pending_calls.fail(caller, error);
                }
                None => tracing::debug!(id = %message.request.id, "dropped a message to {address}"),
            }
        }
    }

    /// Returns how many messages wait in queues.
    pub(crate) fn queued(&self) -> usize {
        self.state.lock().queued()
    }

    /// Returns how many messages are delivered and neither acknowledged nor requeued.
    pub(crate) fn unacked(&self) -> usize {
        // Read in this order: no delivery counts as settled before it counts as delivered.
        let settled = self.settled.load(Ordering::Acquire);
        let delivered = self.state.lock().delivered;
        usize::try_from(delivered.saturating_sub(settled)).unwrap_or(usize::MAX)
    }

    /// Returns how many listeners consume from the topic.
    pub(crate) fn listeners(&self) -> usize {
        self.state.lock().listeners()
    }
}
