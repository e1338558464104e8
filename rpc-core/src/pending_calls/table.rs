//! The entries of open calls: one shard of the table, a state machine without clock or runtime.

use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;

use super::ReplyEvent;
use crate::error::SendError;
use crate::sync::{Mutex, MutexGuard};

/// Finds one open call again. A key is never used for two calls.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash)]
pub struct CallKey {
    shard: u32,
    index: u32,
    generation: u64,
}

impl CallKey {
    /// The key as a number that can travel: a broker's correlation id, for example.
    #[must_use]
    pub const fn to_bits(self) -> u128 {
        (self.shard as u128) << 96 | (self.index as u128) << 64 | self.generation as u128
    }

    /// The key with these bits. Bits from outside do no harm: those of no open call find nobody.
    #[must_use]
    pub const fn from_bits(bits: u128) -> Self {
        Self { shard: (bits >> 96) as u32, index: (bits >> 64) as u32, generation: bits as u64 }
    }

    pub(super) fn shard(self) -> usize {
        self.shard as usize
    }
}

#[derive(Default)]
pub(super) struct Shard(Mutex<Slots>);

#[derive(Default)]
struct Slots {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

struct Slot {
    /// Counts the slot's tenants; 64 bits, so that it never comes round.
    generation: u64,
    state: State,
}

enum State {
    Free,
    Waiting(Waiting),
    Settled(ReplyEvent),
}

struct Waiting {
    waker: Option<Waker>,
    deadline: Option<Instant>,
    silence: Option<Silence>,
}

/// How long the caller bears without a sign of life, and until when this time.
struct Silence {
    period: Duration,
    until: Instant,
}

impl Silence {
    /// `None`: a period that outlasts the clock is never over.
    fn begin(period: Duration) -> Option<Self> {
        Some(Self { period, until: Instant::now().checked_add(period)? })
    }
}

impl Waiting {
    fn first_deadline(&self) -> Option<Instant> {
        let silence = self.silence.as_ref().map(|silence| silence.until);
        [self.deadline, silence].into_iter().flatten().min()
    }

    fn overdue(&self, now: Instant) -> Option<ReplyEvent> {
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            Some(ReplyEvent::Expired)
        } else if self.silence.as_ref().is_some_and(|silence| silence.until <= now) {
            Some(ReplyEvent::MonitorMissed)
        } else {
            None
        }
    }
}

impl Shard {
    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.0.lock()
    }

    pub(super) fn open(
        &self,
        shard: usize,
        deadline: Option<Instant>,
        monitor: Option<Duration>,
    ) -> CallKey {
        let silence = monitor.and_then(Silence::begin);
        let waiting = State::Waiting(Waiting { waker: None, deadline, silence });
        let mut slots = self.lock();
        let (index, generation) = slots.insert(waiting);
        // Both casts are exact: there are few shards, and no 2^32 calls fit into memory.
        CallKey { shard: shard as u32, index: index as u32, generation }
    }

    /// Settles a call and wakes it. False: it has been settled or given up before.
    pub(super) fn settle(&self, key: CallKey, event: ReplyEvent) -> bool {
        let waker = {
            let mut slots = self.lock();
            let Some(slot) = slots.get(key) else { return false };
            let State::Waiting(waiting) = &mut slot.state else { return false };
            let waker = waiting.waker.take();
            slot.state = State::Settled(event);
            waker
        };
        // Outside the lock: the woken task may run at once on another thread.
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    pub(super) fn settle_all(&self, error: &SendError) {
        self.settle_where(|_| Some(ReplyEvent::Failed(error.clone())));
    }

    /// Settles what is overdue; the earliest deadline of the rest.
    pub(super) fn expire(&self, now: Instant) -> Option<Instant> {
        self.settle_where(|waiting| waiting.overdue(now))
    }

    fn settle_where(&self, event: impl Fn(&Waiting) -> Option<ReplyEvent>) -> Option<Instant> {
        let mut wakers = Vec::new();
        let mut earliest: Option<Instant> = None;
        {
            let mut slots = self.lock();
            for slot in &mut slots.slots {
                let State::Waiting(waiting) = &mut slot.state else { continue };
                if let Some(event) = event(waiting) {
                    wakers.extend(waiting.waker.take());
                    slot.state = State::Settled(event);
                } else if let Some(deadline) = waiting.first_deadline() {
                    earliest = Some(earliest.map_or(deadline, |earliest| earliest.min(deadline)));
                }
            }
        }
        wakers.into_iter().for_each(Waker::wake);
        earliest
    }

    pub(super) fn wake_all(&self) {
        let mut wakers = Vec::new();
        for slot in &mut self.lock().slots {
            if let State::Waiting(waiting) = &mut slot.state {
                wakers.extend(waiting.waker.take());
            }
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(super) fn note_still_running(&self, key: CallKey) -> bool {
        let mut slots = self.lock();
        let Some(slot) = slots.get(key) else { return false };
        let State::Waiting(waiting) = &mut slot.state else { return false };
        waiting.silence =
            waiting.silence.as_ref().and_then(|silence| Silence::begin(silence.period));
        true
    }

    /// The event that settled the call, once; the entry is gone then.
    #[inline]
    pub(super) fn poll(&self, key: CallKey, cx: &Context<'_>) -> Poll<ReplyEvent> {
        let mut slots = self.lock();
        let Some(slot) = slots.get(key) else { return Poll::Pending };
        match &mut slot.state {
            State::Waiting(waiting) => {
                match &mut waiting.waker {
                    Some(waker) => waker.clone_from(cx.waker()),
                    none => *none = Some(cx.waker().clone()),
                }
                Poll::Pending
            }
            state @ State::Settled(_) => {
                let settled = std::mem::replace(state, State::Free);
                slots.free.push(key.index);
                match settled {
                    State::Settled(event) => Poll::Ready(event),
                    _ => Poll::Pending,
                }
            }
            State::Free => Poll::Pending,
        }
    }

    /// The earliest time at which a waiting call must be woken.
    pub(super) fn first_deadline(&self, key: CallKey) -> Option<Instant> {
        match &self.lock().get(key)?.state {
            State::Waiting(waiting) => waiting.first_deadline(),
            _ => None,
        }
    }

    /// Removes a call that its caller gave up. True: it was still waiting.
    pub(super) fn close(&self, key: CallKey) -> bool {
        // What was in the slot is dropped after the lock is released.
        let removed = self.lock().remove(key);
        matches!(removed, Some(State::Waiting(_)))
    }

    pub(super) fn is_waiting(&self, key: CallKey) -> bool {
        let mut slots = self.lock();
        slots.get(key).is_some_and(|slot| matches!(slot.state, State::Waiting(_)))
    }

    pub(super) fn len(&self) -> usize {
        let slots = self.lock();
        slots.slots.len() - slots.free.len()
    }
}

impl Slots {
    fn insert(&mut self, state: State) -> (usize, u64) {
        if let Some(index) = self.free.pop() {
            let index = index as usize;
            let slot = &mut self.slots[index];
            slot.generation += 1;
            slot.state = state;
            (index, slot.generation)
        } else {
            self.slots.push(Slot { generation: 0, state });
            (self.slots.len() - 1, 0)
        }
    }

    #[inline]
    fn get(&mut self, key: CallKey) -> Option<&mut Slot> {
        self.slots.get_mut(key.index as usize).filter(|slot| slot.generation == key.generation)
    }

    fn remove(&mut self, key: CallKey) -> Option<State> {
        let slot = self.get(key)?;
        if matches!(slot.state, State::Free) {
            return None;
        }
        let state = std::mem::replace(&mut slot.state, State::Free);
        self.free.push(key.index);
        Some(state)
    }
}

#[cfg(all(test, rpc_loom))]
mod loom_tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;
    use crate::sync::Woken;

    /// A call that is settled twice at the same time, while its caller looks.
    #[test]
    fn a_call_is_settled_once_and_its_caller_woken() {
        loom::model(|| {
            let shard = Arc::new(Shard::default());
            let key = shard.open(0, None, None);
            let settle = |event: ReplyEvent| {
                let shard = Arc::clone(&shard);
                thread::spawn(move || shard.settle(key, event))
            };
            let (one, other) = (settle(ReplyEvent::Expired), settle(ReplyEvent::MonitorMissed));
            let (woken, waker) = Woken::pair();
            let cx = Context::from_waker(&waker);
            let early = shard.poll(key, &cx);
            let settled = (one.join().unwrap(), other.join().unwrap());
            assert!(settled.0 != settled.1, "one of the two, and only one: {settled:?}");
            let event = match early {
                Poll::Ready(event) => event,
                Poll::Pending => {
                    assert!(woken.is_set(), "the caller sleeps for ever");
                    let Poll::Ready(event) = shard.poll(key, &cx) else { panic!("lost") };
                    event
                }
            };
            assert_eq!(matches!(event, ReplyEvent::Expired), settled.0);
            assert_eq!(shard.len(), 0);
        });
    }

    #[test]
    fn a_call_that_is_given_up_while_it_is_settled_leaves_nothing() {
        loom::model(|| {
            let shard = Arc::new(Shard::default());
            let key = shard.open(0, None, None);
            let server = thread::spawn({
                let shard = Arc::clone(&shard);
                move || shard.settle(key, ReplyEvent::Expired)
            });
            let was_waiting = shard.close(key);
            let settled = server.join().unwrap();
            assert!(was_waiting != settled, "either the caller was quicker, or the answer");
            assert_eq!(shard.len(), 0);
            let next = shard.open(0, None, None);
            assert!(!shard.settle(key, ReplyEvent::Expired), "the key finds the next tenant");
            assert!(shard.is_waiting(next));
        });
    }
}
