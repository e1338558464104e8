//! When the sleeper will look next.
//!
//! It lowers its guard *before* it scans the table. A call whose entry the scan did not see was therefore opened after
//! that, sees the lowered guard, and kicks.

use crate::sync::{AtomicU64, Ordering};

const NEVER: u64 = u64::MAX;
/// The latest time there is.
pub(super) const LATEST: u64 = NEVER - 1;

/// A time in whatever unit the sleeper counts.
pub(super) struct Armed(AtomicU64);

impl Default for Armed {
    fn default() -> Self {
        Self(AtomicU64::new(NEVER))
    }
}

impl Armed {
    /// Before a scan: whoever comes from now on has to say so.
    pub(super) fn lower(&self) {
        self.0.store(NEVER, Ordering::SeqCst);
    }

    /// Makes sure that the sleeper looks at this time, or before. True: it would not have, and has to be kicked.
    ///
    /// To be called after the entry has been made.
    pub(super) fn arm(&self, at: u64) -> bool {
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
            let armed = Arc::new(Armed::default());
            let entries = Arc::new(Mutex::new(vec![30]));
            // Left over from the scan before.
            armed.arm(3);
            let caller = thread::spawn({
                let (armed, entries) = (Arc::clone(&armed), Arc::clone(&entries));
                move || {
                    entries.lock().push(20);
                    armed.arm(20)
                }
            });
            armed.lower();
            let earliest = entries.lock().iter().copied().min().unwrap();
            armed.arm(earliest);
            let kicked = caller.join().unwrap();
            assert!(kicked || earliest <= 20, "the sleeper sleeps until {earliest}");
        });
    }
}
