//! Locks and atomics, exchanged for loom's where the interleavings are checked.

#[cfg(rpc_loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
#[cfg(rpc_loom)]
pub(crate) use loom::sync::{Mutex, MutexGuard};
#[cfg(not(rpc_loom))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
#[cfg(not(rpc_loom))]
pub(crate) use std::sync::{Mutex, MutexGuard};

/// Locks, also where a thread panicked while it held the lock: everything guarded here is whole between statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
