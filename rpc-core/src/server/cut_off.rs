//! Ending methods that go on when the server cannot wait for them any longer.
//!
//! A method that does not end at its first poll enlists here with its waker. (Keeping every task's join handle for this
//! would cost every call.)

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::dispatch::Guarded;
use crate::message::Outcome;
use crate::sync::Mutex;

#[derive(Default)]
pub(super) struct CutOff(Mutex<State>);

#[derive(Default)]
struct State {
    done: bool,
    enlisted: Vec<Option<Waker>>,
    free: Vec<usize>,
}

impl CutOff {
    /// Ends all methods that wait for something, now and from now on.
    pub(super) fn cut_off(&self) {
        let enlisted = {
            let mut state = self.0.lock();
            state.done = true;
            state.enlisted.iter_mut().filter_map(Option::take).collect::<Vec<_>>()
        };
        enlisted.into_iter().for_each(Waker::wake);
    }

    fn poll(&self, place: &mut Option<usize>, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        if state.done {
            return Poll::Ready(());
        }
        let index = *place.get_or_insert_with(|| {
            state.free.pop().unwrap_or_else(|| {
                state.enlisted.push(None);
                state.enlisted.len() - 1
            })
        });
        match &mut state.enlisted[index] {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    fn leave(&self, index: usize) {
        let mut state = self.0.lock();
        let _waker = state.enlisted[index].take();
        state.free.push(index);
    }
}

/// A method that can be cut off; `None` when it was.
pub(super) struct Cuttable<'a> {
    method: Guarded<'a>,
    cut_off: &'a CutOff,
    place: Option<usize>,
}

impl<'a> Cuttable<'a> {
    pub(super) fn new(method: Guarded<'a>, cut_off: &'a CutOff) -> Self {
        Self { method, cut_off, place: None }
    }
}

impl Future for Cuttable<'_> {
    type Output = Option<Outcome>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Outcome>> {
        let this = self.get_mut();
        if let Poll::Ready(outcome) = Pin::new(&mut this.method).poll(cx) {
            return Poll::Ready(Some(outcome));
        }
        this.cut_off.poll(&mut this.place, cx).map(|()| None)
    }
}

impl Drop for Cuttable<'_> {
    fn drop(&mut self) {
        if let Some(index) = self.place {
            self.cut_off.leave(index);
        }
    }
}
