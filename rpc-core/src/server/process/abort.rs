//! Aborts the methods that still run when a server cannot wait for them any longer.
//!
//! A method that does not end at its first poll registers its waker. A `CancellationToken` could do the same, but costs
//! 5 % of an in-memory call whose method waits once. Keeping the join handles of all tasks would cost every call.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use slab::Slab;

use super::dispatch::MethodFuture;
use crate::endpoint::BoxFuture;
use crate::message::Outcome;
use crate::sync::Mutex;

#[derive(Default)]
pub(in crate::server) struct AbortRegistry(Mutex<State>);

#[derive(Default)]
struct State {
    aborted: bool,
    /// The wakers of the methods that wait. Empty once `aborted`.
    wakers: Slab<Waker>,
}

impl AbortRegistry {
    /// Aborts all methods that wait for something, now and from now on.
    pub(in crate::server) fn abort(&self) {
        let mut wakers = {
            let mut state = self.0.lock();
            state.aborted = true;
            std::mem::take(&mut state.wakers)
        };
        wakers.drain().for_each(Waker::wake);
    }

    /// Registers a method's waker, under `key` if it has one. Ready when the method is aborted.
    fn poll(&self, key: &mut Option<usize>, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        if state.aborted {
            return Poll::Ready(());
        }
        match key.and_then(|key| state.wakers.get_mut(key)) {
            Some(waker) => waker.clone_from(cx.waker()),
            None => *key = Some(state.wakers.insert(cx.waker().clone())),
        }
        Poll::Pending
    }

    fn remove(&self, key: usize) {
        // The lock is released before the waker is dropped.
        let _waker = self.0.lock().wakers.try_remove(key);
    }
}

/// Runs a method until it ends, or until it is aborted: then its output is `None`.
pub(super) struct Abortable<'a> {
    method: Method<'a>,
    registry: &'a AbortRegistry,
    key: Option<usize>,
}

pub(super) enum Method<'a> {
    Plain(MethodFuture<'a>),
    Monitored(BoxFuture<'a, Outcome>),
}

impl<'a> Abortable<'a> {
    pub(super) fn new(method: Method<'a>, registry: &'a AbortRegistry) -> Self {
        Self { method, registry, key: None }
    }
}

impl Future for Abortable<'_> {
    type Output = Option<Outcome>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Outcome>> {
        let this = self.get_mut();
        let polled = match &mut this.method {
            Method::Plain(method) => Pin::new(method).poll(cx),
            Method::Monitored(method) => method.as_mut().poll(cx),
        };
        if let Poll::Ready(outcome) = polled {
            return Poll::Ready(Some(outcome));
        }
        this.registry.poll(&mut this.key, cx).map(|()| None)
    }
}

impl Drop for Abortable<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.registry.remove(key);
        }
    }
}

#[cfg(all(test, rpc_loom))]
mod loom_tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;
    use crate::sync::Woken;

    #[test]
    fn a_method_that_waits_while_the_server_aborts_is_aborted_or_woken() {
        loom::model(|| {
            let registry = Arc::new(AbortRegistry::default());
            let server = thread::spawn({
                let registry = Arc::clone(&registry);
                move || registry.abort()
            });
            let (woken, waker) = Woken::pair();
            let mut key = None;
            let polled = registry.poll(&mut key, &Context::from_waker(&waker));
            server.join().unwrap();
            assert!(polled.is_ready() || woken.is_set(), "the method waits for ever");
            if let Some(key) = key {
                registry.remove(key);
            }
        });
    }

    #[test]
    fn a_method_that_moved_to_another_task_is_woken_there() {
        loom::model(|| {
            let registry = Arc::new(AbortRegistry::default());
            let ((_, first), (woken, second)) = (Woken::pair(), Woken::pair());
            let mut key = None;
            assert!(registry.poll(&mut key, &Context::from_waker(&first)).is_pending());
            let server = thread::spawn({
                let registry = Arc::clone(&registry);
                move || registry.abort()
            });
            let polled = registry.poll(&mut key, &Context::from_waker(&second));
            server.join().unwrap();
            assert!(polled.is_ready() || woken.is_set(), "the method waits for ever");
        });
    }
}
