//! The listeners of one topic, and the order in which they wait.

use std::collections::VecDeque;
use std::ops::{Index, IndexMut};
use std::task::{Context, Waker};

use slab::Slab;

use crate::queue::WakeList;

/// Listeners by index. The index of a listener is used only until the listener leaves, so it is valid: indexing panics
/// otherwise.
pub(crate) struct Listeners {
    slab: Slab<ListenerEntry>,
    /// The waiting listeners, longest first.
    waiting: VecDeque<usize>,
}

pub(crate) struct ListenerEntry {
    /// Its fanout queue, its server's queue and its exchange's queue.
    pub(crate) queues: [usize; 3],
    /// Which of them is polled first, so that none starves.
    pub(crate) first: usize,
    pub(crate) state: ListenerState,
    waker: Option<Waker>,
}

#[derive(Copy, Clone, PartialEq, Eq)]
pub(crate) enum ListenerState {
    /// It has a message, and has not polled since.
    Busy,
    /// It found no message.
    Waiting,
    /// It was woken for a message of this queue, and has not polled since.
    Notified(usize),
}

/// The indexes of a listener and of its queues.
#[derive(Debug, Copy, Clone)]
pub(crate) struct ListenerId {
    pub(crate) index: usize,
    pub(crate) queues: [usize; 3],
}

impl Listeners {
    pub(crate) const fn new() -> Self {
        Self { slab: Slab::new(), waiting: VecDeque::new() }
    }

    pub(crate) fn insert(&mut self, queues: [usize; 3]) -> ListenerId {
        let state = ListenerState::Busy;
        let index = self.slab.insert(ListenerEntry { queues, first: 0, state, waker: None });
        ListenerId { index, queues }
    }

    pub(crate) fn remove(&mut self, index: usize) -> Option<ListenerEntry> {
        let listener = self.slab.try_remove(index)?;
        if listener.state == ListenerState::Waiting {
            self.stop_waiting(index);
        }
        Some(listener)
    }

    /// Notifies the listener that has waited longest for this queue. Returns false if none waits for it.
    #[inline]
    pub(crate) fn notify(&mut self, queue: usize, wakes: &mut WakeList) -> bool {
        let consumes = |index: &usize| self.slab[*index].queues.contains(&queue);
        let index = match self.waiting.iter().position(consumes) {
            None => None,
            // By far the most frequent case, and no element has to be moved.
            Some(0) => self.waiting.pop_front(),
            Some(position) => self.waiting.remove(position),
        };
        let Some(index) = index else { return false };
        let listener = &mut self.slab[index];
        listener.state = ListenerState::Notified(queue);
        wakes.push(listener.waker.take());
        true
    }

    /// Lets a listener wait that has found no message.
    pub(crate) fn wait(&mut self, index: usize, cx: &Context<'_>) {
        let listener = &mut self.slab[index];
        match listener.state {
            ListenerState::Waiting => {}
            ListenerState::Busy => self.waiting.push_back(index),
            // Another listener was faster. This one keeps its position.
            ListenerState::Notified(_) => self.waiting.push_front(index),
        }
        listener.state = ListenerState::Waiting;
        match &mut listener.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
    }

    /// Moves a listener to a state other than `Waiting`.
    pub(crate) fn set_state(&mut self, index: usize, state: ListenerState) {
        if self.slab[index].state == ListenerState::Waiting {
            self.stop_waiting(index);
        }
        self.slab[index].state = state;
    }

    fn stop_waiting(&mut self, index: usize) {
        self.waiting.retain(|waiting| *waiting != index);
    }

    /// Wakes every listener, as the broker is closed.
    pub(crate) fn wake_all(&mut self, wakes: &mut WakeList) {
        self.slab.iter_mut().for_each(|(_, listener)| wakes.push(listener.waker.take()));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &ListenerEntry> {
        self.slab.iter().map(|(_, listener)| listener)
    }

    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    /// Returns the number of waiting listeners.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

impl Index<usize> for Listeners {
    type Output = ListenerEntry;

    #[inline]
    fn index(&self, index: usize) -> &ListenerEntry {
        &self.slab[index]
    }
}

impl IndexMut<usize> for Listeners {
    #[inline]
    fn index_mut(&mut self, index: usize) -> &mut ListenerEntry {
        &mut self.slab[index]
    }
}
