//! Locks and atomics. Loom's versions take their place where loom checks the interleavings.

#[cfg(rpc_loom)]
pub(crate) use loom::sync::atomic::{AtomicU8, AtomicU64, Ordering};
#[cfg(not(rpc_loom))]
pub(crate) use parking_lot::Mutex;
#[cfg(not(rpc_loom))]
pub(crate) use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

#[cfg(rpc_loom)]
pub(crate) use self::model::Mutex;

#[cfg(rpc_loom)]
mod model {
    use loom::sync::MutexGuard;

    /// Gives loom's lock the interface of `parking_lot`'s, which no panic poisons.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
        }
    }
}

/// A waker for loom models: remembers that it was woken.
#[cfg(all(test, rpc_loom))]
#[derive(Debug, Default)]
pub(crate) struct Woken(std::sync::atomic::AtomicBool);

#[cfg(all(test, rpc_loom))]
impl Woken {
    /// Creates a flag and the waker that sets it.
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
