//! Permits to run a message.
//!
//! A message is taken from the transport only when a slot is free, so that what cannot run yet stays in the broker. A
//! slot is freed by `Drop`, however its task ends.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::sync::{Mutex, lock};

pub(super) struct Slots(Mutex<State>);

struct State {
    free: Vec<usize>,
    all: usize,
    /// The server's loop, when it waits for a free slot, or for all to be free.
    waiting: Option<Waker>,
}

impl Slots {
    pub(super) fn new(all: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { free: (0..all).rev().collect(), all, waiting: None })))
    }

    pub(super) fn poll_take(self: &Arc<Self>, cx: &Context<'_>) -> Poll<Slot> {
        let mut state = lock(&self.0);
        match state.free.pop() {
            Some(index) => Poll::Ready(Slot { slots: Arc::clone(self), index }),
            None => state.wait(cx),
        }
    }

    /// Ready when all slots are free.
    pub(super) fn poll_idle(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = lock(&self.0);
        if state.free.len() == state.all { Poll::Ready(()) } else { state.wait(cx) }
    }

    pub(super) fn taken(&self) -> usize {
        let state = lock(&self.0);
        state.all - state.free.len()
    }
}

impl State {
    fn wait<T>(&mut self, cx: &Context<'_>) -> Poll<T> {
        self.waiting = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// One permit; its index says which task has it.
pub(super) struct Slot {
    slots: Arc<Slots>,
    pub(super) index: usize,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let waiting = {
            let mut state = lock(&self.slots.0);
            state.free.push(self.index);
            state.waiting.take()
        };
        if let Some(waker) = waiting {
            waker.wake();
        }
    }
}
