//! Locks and atomics, exchanged for loom's where the interleavings are checked.

#[cfg(rpc_loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
#[cfg(rpc_loom)]
pub(crate) use loom::sync::{Mutex, MutexGuard};
#[cfg(not(rpc_loom))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
#[cfg(not(rpc_loom))]
pub(crate) use std::sync::{Mutex, MutexGuard};

/// Locks, also where a thread panicked while it held the lock: everything guarded here is whole between statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A waker for models: remembers that it was woken.
#[cfg(all(test, rpc_loom))]
#[derive(Debug, Default)]
pub(crate) struct Woken(std::sync::atomic::AtomicBool);

#[cfg(all(test, rpc_loom))]
impl Woken {
    /// The flag, and the waker that sets it.
    pub(crate) fn pair() -> (std::sync::Arc<Self>, std::task::Waker) {
        let woken = std::sync::Arc::new(Self::default());
        (std::sync::Arc::clone(&woken), std::task::Waker::from(woken))
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

#[cfg(all(test, rpc_loom))]
impl std::task::Wake for Woken {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}
