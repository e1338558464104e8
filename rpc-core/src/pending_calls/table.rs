//! The entries of pending calls: one shard of the table, a state machine without clock or runtime.

use std::hash::{BuildHasher, RandomState};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;

use super::ReplyEvent;
use crate::error::SendError;
use crate::sync::Mutex;

/// Finds one pending call again. A key is never used for two calls, and nobody can guess one from others: a peer that has been
/// sent keys cannot answer calls that were sent to somebody else.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash)]
pub struct CallKey {
    shard: u32,
    index: u32,
    generation: u64,
}

impl CallKey {
    /// Returns the key as a number to send, for example as a correlation id.
    #[must_use]
    pub const fn to_bits(self) -> u128 {
        (self.shard as u128) << 96 | (self.index as u128) << 64 | self.generation as u128
    }

    /// Creates the key with these bits.
    ///
    /// Untrusted bits do no harm: bits that belong to no pending call find nothing.
    #[must_use]
    pub const fn from_bits(bits: u128) -> Self {
        Self { shard: (bits >> 96) as u32, index: (bits >> 64) as u32, generation: bits as u64 }
    }

    pub(super) fn shard(self) -> usize {
        self.shard as usize
    }
}

#[derive(Default)]
pub(super) struct Shard(Mutex<Calls>);

/// A slab whose keys have generations.
#[derive(Default)]
struct Calls {
    entries: Vec<Entry>,
    vacant: Vec<u32>,
    generations: Generations,
}

/// Numbers that nobody can guess from others: a counter, hashed by SipHash with a secret key. Two of them are the same with a
/// probability of 2^-64. It starts anew in each process: a late reply to the process before must not find a call of this one.
#[derive(Default)]
struct Generations {
    secret: RandomState,
    last: u64,
}

impl Generations {
    fn next(&mut self) -> u64 {
        self.last += 1;
        self.secret.hash_one(self.last)
    }
}

struct Entry {
    /// That of the call that uses the entry, or used it last.
    generation: u64,
    state: EntryState,
}

enum EntryState {
    Vacant,
    Pending(PendingCall),
    Completed(ReplyEvent),
}

struct PendingCall {
    waker: Option<Waker>,
    deadline: Option<Instant>,
    monitor: Option<Monitor>,
}

/// How long a monitored call waits for a report of its server, and until when this time.
struct Monitor {
    period: Duration,
    until: Instant,
}

impl Monitor {
    /// Returns `None` for a period that overflows the clock: it never ends.
    fn start(period: Duration) -> Option<Self> {
        Some(Self { period, until: Instant::now().checked_add(period)? })
    }
}

impl PendingCall {
    fn first_deadline(&self) -> Option<Instant> {
        let monitor = self.monitor.as_ref().map(|monitor| monitor.until);
        [self.deadline, monitor].into_iter().flatten().min()
    }

    fn overdue(&self, now: Instant) -> Option<ReplyEvent> {
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            Some(ReplyEvent::Expired)
        } else if self.monitor.as_ref().is_some_and(|monitor| monitor.until <= now) {
            Some(ReplyEvent::MonitorMissed)
        } else {
            None
        }
    }
}

impl Shard {
    pub(super) fn insert(
        &self,
        shard: usize,
        deadline: Option<Instant>,
        monitor: Option<Duration>,
    ) -> CallKey {
        let monitor = monitor.and_then(Monitor::start);
        let (index, generation) =
            self.0.lock().insert(PendingCall { waker: None, deadline, monitor });
        // Both casts are exact: there are few shards, and no 2^32 calls fit into memory.
        CallKey { shard: shard as u32, index: index as u32, generation }
    }

    /// Completes a call and wakes its caller. Returns false when it was completed or cancelled before.
    pub(super) fn complete(&self, key: CallKey, event: ReplyEvent) -> bool {
        let waker = {
            let mut calls = self.0.lock();
            let Some(entry) = calls.get(key) else { return false };
            let EntryState::Pending(call) = &mut entry.state else { return false };
            let waker = call.waker.take();
            entry.state = EntryState::Completed(event);
            waker
        };
        // Outside the lock: the woken task may run at once on another thread.
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    pub(super) fn fail_all(&self, error: &SendError) {
        self.complete_where(|_| Some(ReplyEvent::Failed(error.clone())));
    }

    /// Completes the calls that are overdue. Returns the earliest deadline of the others.
    pub(super) fn expire(&self, now: Instant) -> Option<Instant> {
        self.complete_where(|call| call.overdue(now))
    }

    fn complete_where(
        &self,
        event: impl Fn(&PendingCall) -> Option<ReplyEvent>,
    ) -> Option<Instant> {
        let mut wakers = Vec::new();
        let mut earliest: Option<Instant> = None;
        {
            let mut calls = self.0.lock();
            for entry in &mut calls.entries {
                let EntryState::Pending(call) = &mut entry.state else { continue };
                if let Some(event) = event(call) {
                    wakers.extend(call.waker.take());
                    entry.state = EntryState::Completed(event);
                } else if let Some(deadline) = call.first_deadline() {
                    earliest = Some(earliest.map_or(deadline, |earliest| earliest.min(deadline)));
                }
            }
        }
        wakers.into_iter().for_each(Waker::wake);
        earliest
    }

    pub(super) fn wake_all(&self) {
        let mut wakers = Vec::new();
        for entry in &mut self.0.lock().entries {
            if let EntryState::Pending(call) = &mut entry.state {
                wakers.extend(call.waker.take());
            }
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Restarts the monitor of a call. Returns false when the call is not pending any more.
    pub(super) fn still_running(&self, key: CallKey) -> bool {
        let mut calls = self.0.lock();
        let Some(entry) = calls.get(key) else { return false };
        let EntryState::Pending(call) = &mut entry.state else { return false };
        call.monitor = call.monitor.as_ref().and_then(|monitor| Monitor::start(monitor.period));
        true
    }

    /// Returns the event that completed the call, once, and removes the entry then.
    #[inline]
    pub(super) fn poll(&self, key: CallKey, cx: &Context<'_>) -> Poll<ReplyEvent> {
        let mut calls = self.0.lock();
        let Some(entry) = calls.get(key) else { return Poll::Pending };
        match &mut entry.state {
            EntryState::Pending(call) => {
                match &mut call.waker {
                    Some(waker) => waker.clone_from(cx.waker()),
                    none => *none = Some(cx.waker().clone()),
                }
                Poll::Pending
            }
            state @ EntryState::Completed(_) => {
                let completed = std::mem::replace(state, EntryState::Vacant);
                calls.vacant.push(key.index);
                match completed {
                    EntryState::Completed(event) => Poll::Ready(event),
                    _ => Poll::Pending,
                }
            }
            EntryState::Vacant => Poll::Pending,
        }
    }

    /// Returns the earliest time at which a pending call must be woken.
    pub(super) fn first_deadline(&self, key: CallKey) -> Option<Instant> {
        match &self.0.lock().get(key)?.state {
            EntryState::Pending(call) => call.first_deadline(),
            _ => None,
        }
    }

    /// Removes a call that its caller dropped. Returns whether it was still pending.
    pub(super) fn remove(&self, key: CallKey) -> bool {
        // The lock is released before the entry's content is dropped.
        let removed = self.0.lock().remove(key);
        matches!(removed, Some(EntryState::Pending(_)))
    }

    pub(super) fn is_waiting(&self, key: CallKey) -> bool {
        let mut calls = self.0.lock();
        calls.get(key).is_some_and(|entry| matches!(entry.state, EntryState::Pending(_)))
    }

    pub(super) fn len(&self) -> usize {
        let calls = self.0.lock();
        calls.entries.len() - calls.vacant.len()
    }
}

impl Calls {
    fn insert(&mut self, call: PendingCall) -> (usize, u64) {
        let (generation, state) = (self.generations.next(), EntryState::Pending(call));
        let entry = Entry { generation, state };
        if let Some(index) = self.vacant.pop() {
            self.entries[index as usize] = entry;
            (index as usize, generation)
        } else {
            self.entries.push(entry);
            (self.entries.len() - 1, generation)
        }
    }

    #[inline]
    fn get(&mut self, key: CallKey) -> Option<&mut Entry> {
        self.entries.get_mut(key.index as usize).filter(|entry| entry.generation == key.generation)
    }

    fn remove(&mut self, key: CallKey) -> Option<EntryState> {
        let entry = self.get(key)?;
        if matches!(entry.state, EntryState::Vacant) {
            return None;
        }
        let state = std::mem::replace(&mut entry.state, EntryState::Vacant);
        self.vacant.push(key.index);
        Some(state)
    }
}

#[cfg(all(test, rpc_loom))]
mod loom_tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;
    use crate::sync::Woken;

    /// A call that is completed twice at the same time, while its caller polls.
    #[test]
    fn a_call_is_completed_once_and_its_caller_woken() {
        loom::model(|| {
            let shard = Arc::new(Shard::default());
            let key = shard.insert(0, None, None);
            let complete = |event: ReplyEvent| {
                let shard = Arc::clone(&shard);
                thread::spawn(move || shard.complete(key, event))
            };
            let (one, other) = (complete(ReplyEvent::Expired), complete(ReplyEvent::MonitorMissed));
            let (woken, waker) = Woken::pair();
            let cx = Context::from_waker(&waker);
            let early = shard.poll(key, &cx);
            let completed = (one.join().unwrap(), other.join().unwrap());
            assert!(completed.0 != completed.1, "one of the two, and only one: {completed:?}");
            let event = match early {
                Poll::Ready(event) => event,
                Poll::Pending => {
                    assert!(woken.is_set(), "the caller sleeps for ever");
                    let Poll::Ready(event) = shard.poll(key, &cx) else { panic!("lost") };
                    event
                }
            };
            assert_eq!(matches!(event, ReplyEvent::Expired), completed.0);
            assert_eq!(shard.len(), 0);
        });
    }

    #[test]
    fn a_call_that_is_dropped_while_it_is_completed_leaves_no_entry() {
        loom::model(|| {
            let shard = Arc::new(Shard::default());
            let key = shard.insert(0, None, None);
            let server = thread::spawn({
                let shard = Arc::clone(&shard);
                move || shard.complete(key, ReplyEvent::Expired)
            });
            let was_pending = shard.remove(key);
            let completed = server.join().unwrap();
            assert!(was_pending != completed, "either the caller was first, or the reply");
            assert_eq!(shard.len(), 0);
            let next = shard.insert(0, None, None);
            assert!(!shard.complete(key, ReplyEvent::Expired), "the key finds the next call");
            assert!(shard.is_waiting(next));
        });
    }
}
