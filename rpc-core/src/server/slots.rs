//! Permits to run a message.
//!
//! A message is taken from the transport only when a slot is free, so that what cannot run yet stays in the broker. A
//! slot is freed by `Drop`, however its task ends. It is also how the task is cut off: one that does not end at its
//! first poll leaves its waker here. (Keeping the tasks' join handles for that would cost every call.)

use std::task::{Context, Poll, Waker};

use crate::sync::{Mutex, lock};

pub(super) struct Slots(Mutex<State>);

struct State {
    free: Vec<usize>,
    /// The tasks in work that have had to wait, by slot.
    tasks: Vec<Option<Waker>>,
    cut_off: bool,
    /// The server's loop, when it waits for a free slot, or for all to be free.
    waiting: Option<Waker>,
}

impl Slots {
    pub(super) fn new(all: usize) -> Self {
        Self(Mutex::new(State {
            free: (0..all).rev().collect(),
            tasks: vec![None; all],
            cut_off: false,
            waiting: None,
        }))
    }

    /// A free slot, which is to be [given back](Self::release).
    pub(super) fn poll_take(&self, cx: &Context<'_>) -> Poll<usize> {
        let mut state = lock(&self.0);
        match state.free.pop() {
            Some(index) => Poll::Ready(index),
            None => state.wait(cx),
        }
    }

    pub(super) fn release(&self, index: usize) {
        // What is taken out is dropped, and the loop woken, after the lock is released.
        let (_task, waiting) = {
            let mut state = lock(&self.0);
            state.free.push(index);
            (state.tasks[index].take(), state.waiting.take())
        };
        if let Some(waker) = waiting {
            waker.wake();
        }
    }

    /// Ready when all slots are free.
    pub(super) fn poll_idle(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = lock(&self.0);
        if state.free.len() == state.tasks.len() { Poll::Ready(()) } else { state.wait(cx) }
    }

    /// For a task that has to wait: ready when it is cut off.
    pub(super) fn poll_cut_off(&self, index: usize, cx: &Context<'_>) -> Poll<()> {
        let mut state = lock(&self.0);
        if state.cut_off {
            return Poll::Ready(());
        }
        match &mut state.tasks[index] {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Ends all tasks that wait for something, now and from now on.
    pub(super) fn cut_off(&self) {
        let tasks: Vec<Waker> = {
            let mut state = lock(&self.0);
            state.cut_off = true;
            state.tasks.iter_mut().filter_map(Option::take).collect()
        };
        tasks.into_iter().for_each(Waker::wake);
    }

    pub(super) fn taken(&self) -> usize {
        let state = lock(&self.0);
        state.tasks.len() - state.free.len()
    }
}

impl State {
    fn wait<T>(&mut self, cx: &Context<'_>) -> Poll<T> {
        self.waiting = Some(cx.waker().clone());
        Poll::Pending
    }
}
