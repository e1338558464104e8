//! A transport that holds deliveries back from their server until a barrier is opened.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use rpc_core::Transport;
use rpc_core::transport::{Delivery, Listener};
use rpc_tests::support::intercept::{Intercept, Intercepted, Next};

/// A barrier for the deliveries of one listener.
#[derive(Clone, Default)]
pub(crate) struct DeliveryBarrier(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    is_open: bool,
    held: Option<Next>,
    waker: Option<Waker>,
}

impl DeliveryBarrier {
    /// Wraps a transport with the barrier.
    pub(crate) fn over(
        &self,
        transport: impl Into<Arc<dyn Transport>>,
    ) -> Intercepted<DeliveryBarrier> {
        Intercepted::over(transport, self.clone())
    }

    /// Returns whether a delivery waits.
    pub(crate) fn holds_delivery(&self) -> bool {
        self.lock().held.is_some()
    }

    pub(crate) fn open(&self) {
        let mut state = self.lock();
        state.is_open = true;
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for DeliveryBarrier {
    type Kept = ();

    fn delivered(&self, _: &dyn Delivery) {}

    fn poll_next(&self, inner: &mut dyn Listener, cx: &mut Context<'_>) -> Poll<Next> {
        let held = self.lock().held.take();
        let next = match held {
            Some(next) => next,
            None => ready!(inner.poll_next(cx)),
        };
        let mut state = self.lock();
        if state.is_open {
            return Poll::Ready(next);
        }
        state.held = Some(next);
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}
