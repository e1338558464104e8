//! Random numbers for ids.

use std::cell::RefCell;

/// Returns 64 bits from the operating system's random number generator.
///
/// # Panics
///
/// Panics if the operating system has no random number generator. The standard library's `HashMap`
/// panics then, too.
pub(crate) fn from_os() -> u64 {
    getrandom::u64()
        .unwrap_or_else(|error| panic!("the operating system provides no random numbers: {error}"))
}

/// Returns 128 bits from the operating system's random number generator.
///
/// # Panics
///
/// As [`from_os`].
pub(crate) fn wide_from_os() -> u128 {
    u128::from(from_os()) << 64 | u128::from(from_os())
}

/// Returns 64 bits from a generator of this thread, which is seeded once from the operating system.
///
/// Use it for ids that are created per call: a system call for each of them would take a third of
/// the time of a call.
pub(crate) fn from_thread() -> u64 {
    thread_local! {
        static RNG: RefCell<fastrand::Rng> = RefCell::new(fastrand::Rng::with_seed(from_os()));
    }
    RNG.with_borrow_mut(|rng| rng.u64(..))
}
