//! Messages that the broker has delivered and nobody has taken yet.
//!
//! While every task of a server is busy they wait here, and no server that is idle could have them. So those that wait for
//! long, where others would be free, are passed on: a copy goes to the end of their queue, and the original stays
//! unacknowledged, as a plug, so that the broker delivers nothing in its place until a task is free.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use lapin::message::Delivery;
use tokio::time::Instant;

use crate::server::consumers::{Ear, Source};

/// A message that has been delivered and not taken.
pub(crate) struct Held {
    pub(crate) ear: Arc<Ear>,
    pub(crate) source: Source,
    pub(crate) delivery: Delivery,
    /// When it came.
    pub(crate) since: Instant,
}

impl Held {
    pub(crate) fn new(ear: &Arc<Ear>, source: Source, delivery: Delivery) -> Self {
        Self { ear: Arc::clone(ear), source, delivery, since: Instant::now() }
    }

    pub(crate) fn tag(&self) -> u64 {
        self.delivery.delivery_tag
    }

    pub(crate) fn waited(&self) -> Duration {
        self.since.elapsed()
    }
}

#[derive(Default)]
pub(crate) struct Window {
    state: Mutex<State>,
    taker: AtomicWaker,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Held>,
    /// Of messages that were passed on.
    plugs: Vec<(Arc<Ear>, u64)>,
    ended: bool,
}

impl Window {
    pub(crate) fn push(&self, held: Held) {
        self.lock().waiting.push_back(held);
        self.taker.wake();
    }

    /// Puts back what could not be passed on.
    pub(crate) fn put_back(&self, held: Vec<Held>) {
        if !held.is_empty() {
            let mut state = self.lock();
            held.into_iter().rev().for_each(|held| state.waiting.push_front(held));
            drop(state);
            self.taker.wake();
        }
    }

    /// Notes that a message was passed on, and is to be kept unacknowledged until somebody asks for the next one.
    pub(crate) fn plug(&self, held: &Held) {
        self.lock().plugs.push((Arc::clone(&held.ear), held.tag()));
        // A task may have become free while the copy was sent, and found nothing: it has the plug pulled now.
        self.taker.wake();
    }

    /// The next message for a task that is free; `None` after the end.
    pub(crate) fn poll_take(&self, cx: &Context<'_>) -> Poll<Option<Held>> {
        self.taker.register(cx.waker());
        let (plugs, taken, ended) = {
            let mut state = self.lock();
            (std::mem::take(&mut state.plugs), state.waiting.pop_front(), state.ended)
        };
        pull(plugs);
        match taken {
            Some(held) => Poll::Ready(Some(held)),
            None if ended => Poll::Ready(None),
            None => Poll::Pending,
        }
    }

    /// Takes out what has waited for at least so long by one of the queues, and can be passed on: a message that was
    /// delivered before would lose the mark that says so.
    pub(crate) fn take_old(&self, source: Source, age: Duration) -> Vec<Held> {
        let mut state = self.lock();
        let old = |held: &Held| {
            held.source == source && held.waited() >= age && !held.delivery.redelivered
        };
        let (old, young): (Vec<_>, _) = state.waiting.drain(..).partition(old);
        state.waiting = young.into();
        old
    }

    /// Whether anything has waited for at least so long. What came first stands first.
    pub(crate) fn has_old(&self, age: Duration) -> bool {
        self.lock().waiting.front().is_some_and(|held| held.waited() >= age)
    }

    /// Empties the window: nothing of a channel that is gone can be settled, and the broker delivers it again.
    pub(crate) fn clear(&self) -> Vec<Held> {
        let mut state = self.lock();
        let plugs = std::mem::take(&mut state.plugs);
        let waiting = state.waiting.drain(..).collect();
        drop(state);
        pull(plugs);
        waiting
    }

    /// Nothing more will come.
    pub(crate) fn end(&self) {
        self.lock().ended = true;
        self.taker.wake();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Acknowledges what was passed on; where that fails it comes back marked as delivered before, and is not run.
fn pull(plugs: Vec<(Arc<Ear>, u64)>) {
    for (ear, tag) in plugs {
        let _ = ear.acknowledge(tag);
    }
}
