//! When the deadline timer wakes up next.
//!
//! The timer clears this time *before* it scans the table. A call that the scan did not see was therefore registered
//! after the clearing; it finds no wake-up time and notifies the timer.

use crate::sync::{AtomicU64, Ordering};

const NEVER: u64 = u64::MAX;
/// The latest time.
pub(super) const LATEST: u64 = NEVER - 1;

/// A time, in the timer's unit.
pub(super) struct NextWakeup(AtomicU64);

impl Default for NextWakeup {
    fn default() -> Self {
        Self(AtomicU64::new(NEVER))
    }
}

impl NextWakeup {
    /// Clears the time before a scan: from now on every call has to notify the timer.
    pub(super) fn clear(&self) {
        self.0.store(NEVER, Ordering::SeqCst);
    }

    /// Sets the wake-up to this time, unless it is earlier already. Returns whether it became earlier; then the timer
    /// must be notified.
    ///
    /// Call it after the call was registered.
    pub(super) fn set_at_most(&self, at: u64) -> bool {
        at < self.0.load(Ordering::SeqCst) && at < self.0.fetch_min(at, Ordering::SeqCst)
    }
}

#[cfg(all(test, rpc_loom))]
mod loom_tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;
    use crate::sync::Mutex;

    #[test]
    fn a_deadline_that_comes_during_a_scan_is_not_missed() {
        loom::model(|| {
            let wakeup = Arc::new(NextWakeup::default());
            let deadlines = Arc::new(Mutex::new(vec![30]));
            // Left over from the previous scan.
            wakeup.set_at_most(3);
            let caller = thread::spawn({
                let (wakeup, deadlines) = (Arc::clone(&wakeup), Arc::clone(&deadlines));
                move || {
                    deadlines.lock().push(20);
                    wakeup.set_at_most(20)
                }
            });
            wakeup.clear();
            let earliest = deadlines.lock().iter().copied().min().unwrap();
            wakeup.set_at_most(earliest);
            let notified = caller.join().unwrap();
            assert!(notified || earliest <= 20, "the timer sleeps until {earliest}");
        });
    }
}
