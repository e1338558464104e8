//! Permits to run a message.
//!
//! A message is taken from the transport only when a slot is free, so that what cannot run yet stays in the broker. A
//! slot is freed by `Drop`, however its task ends.
//!
//! Taking and freeing is counting. The ordering that matters: the loop leaves its waker *before* it looks at the count
//! again, and a task counts *before* it looks for the waker; so one of them sees the other.

use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;

use crate::sync::{AtomicBool, AtomicUsize, Ordering};

pub(super) struct Slots {
    free: AtomicUsize,
    all: usize,
    /// The server's loop, when it waits for a free slot, or for all to be free.
    waiting: AtomicWaker,
    is_waiting: AtomicBool,
}

impl Slots {
    pub(super) fn new(all: usize) -> Self {
        Self {
            free: AtomicUsize::new(all),
            all,
            waiting: AtomicWaker::new(),
            is_waiting: AtomicBool::new(false),
        }
    }

    /// Ready when a slot is free. Only the loop takes, so it stays free until the loop has a message for it.
    pub(super) fn poll_free(&self, cx: &Context<'_>) -> Poll<()> {
        if self.has_free() {
            return Poll::Ready(());
        }
        self.wait(cx);
        if self.newest() > 0 { Poll::Ready(()) } else { Poll::Pending }
    }

    fn wait(&self, cx: &Context<'_>) {
        self.waiting.register(cx.waker());
        self.is_waiting.store(true, Ordering::SeqCst);
    }

    /// How many are free. By changing the count, if only by nothing, it stands in one order with all who free a slot: one
    /// who frees later sees that somebody waits.
    fn newest(&self) -> usize {
        self.free.fetch_add(0, Ordering::SeqCst)
    }

    fn has_free(&self) -> bool {
        self.free.load(Ordering::SeqCst) > 0
    }

    /// Takes a slot that [is free](Self::poll_free), to be [given back](Self::release).
    pub(super) fn take(&self) {
        self.free.fetch_sub(1, Ordering::SeqCst);
    }

    pub(super) fn release(&self) {
        self.free.fetch_add(1, Ordering::SeqCst);
        if self.is_waiting.load(Ordering::SeqCst) && self.is_waiting.swap(false, Ordering::SeqCst) {
            self.waiting.wake();
        }
    }

    /// Ready when all slots are free.
    pub(super) fn poll_idle(&self, cx: &Context<'_>) -> Poll<()> {
        self.wait(cx);
        if self.newest() == self.all { Poll::Ready(()) } else { Poll::Pending }
    }

    pub(super) fn taken(&self) -> usize {
        self.all - self.free.load(Ordering::SeqCst)
    }
}

#[cfg(all(test, rpc_loom))]
mod loom_tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;
    use crate::sync::Woken;

    /// A loop that waits while the last slot is freed.
    fn waiting(poll: fn(&Slots, &Context<'_>) -> Poll<()>) {
        loom::model(move || {
            let slots = Arc::new(Slots::new(1));
            slots.take();
            let task = thread::spawn({
                let slots = Arc::clone(&slots);
                move || slots.release()
            });
            let (woken, waker) = Woken::pair();
            let polled = poll(&slots, &Context::from_waker(&waker));
            task.join().unwrap();
            assert!(polled.is_ready() || woken.is_set(), "the loop sleeps for ever");
        });
    }

    #[test]
    fn who_waits_for_a_slot_is_woken_when_one_is_freed() {
        waiting(Slots::poll_free);
    }

    #[test]
    fn who_waits_for_the_last_task_is_woken_when_it_ends() {
        waiting(Slots::poll_idle);
    }
}
