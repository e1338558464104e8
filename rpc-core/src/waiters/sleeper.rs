//! One sleeping task for the deadlines of a whole table.
//!
//! It sleeps until the earliest deadline and is kicked only by an earlier one; calls that end in time never wake it.
//! It is spawned on the runtime of the call that needed it first. When that runtime goes, it wakes all waiting calls,
//! and the next one polled starts another on its own runtime.
//!
//! The ordering that matters: the sleeper lowers its guard (`armed` = never) *before* it scans the table. A call whose
//! entry the scan did not see was therefore opened after that, sees the lowered guard, and kicks.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::Table;
use super::table::Shard;

const NEVER: u64 = u64::MAX;

pub(super) struct Alarm {
    /// When the sleeper will look next, in nanoseconds since `base`.
    armed: AtomicU64,
    base: OnceLock<Instant>,
    running: AtomicBool,
    kick: Arc<Notify>,
}

impl Default for Alarm {
    fn default() -> Self {
        Self {
            armed: AtomicU64::new(NEVER),
            base: OnceLock::new(),
            running: AtomicBool::new(false),
            kick: Arc::default(),
        }
    }
}

impl Alarm {
    /// Makes sure that the sleeper wakes at `deadline`, or before.
    pub(super) fn watch(&self, deadline: Instant, table: &Arc<Table>) {
        let at = self.nanos(deadline);
        if at < self.armed.load(Ordering::SeqCst) && at < self.armed.fetch_min(at, Ordering::SeqCst)
        {
            self.kick.notify_one();
        }
        if !self.is_running() {
            self.start(table);
        }
    }

    pub(super) fn is_running(&self) -> bool {
        self.running.load(Ordering::Acquire)
    }

    fn nanos(&self, at: Instant) -> u64 {
        let base = *self.base.get_or_init(Instant::now);
        u64::try_from(at.saturating_duration_since(base).as_nanos()).unwrap_or(NEVER - 1)
    }

    #[cold]
    fn start(&self, table: &Arc<Table>) {
        let Ok(runtime) = Handle::try_current() else { return };
        if !self.running.swap(true, Ordering::AcqRel) {
            let sleeper = Sleeper(Arc::downgrade(table));
            runtime.spawn(sleeper.run(Arc::clone(&self.kick)));
        }
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        self.alarm.kick.notify_one();
    }
}

struct Sleeper(Weak<Table>);

impl Sleeper {
    async fn run(self, kick: Arc<Notify>) {
        while let Some(next) = self.0.upgrade().map(|table| table.expire()) {
            match next {
                Some(deadline) => drop(timeout_at(deadline, kick.notified()).await),
                None => kick.notified().await,
            }
        }
    }
}

/// Runs also when the task is dropped together with its runtime.
impl Drop for Sleeper {
    fn drop(&mut self) {
        if let Some(table) = self.0.upgrade() {
            table.alarm.running.store(false, Ordering::Release);
            table.shards.iter().for_each(Shard::wake_all);
        }
    }
}

impl Table {
    /// Ends the calls whose time is up; the earliest deadline of the others.
    fn expire(&self) -> Option<Instant> {
        self.alarm.armed.store(NEVER, Ordering::SeqCst);
        let now = Instant::now();
        let earliest = self.shards.iter().filter_map(|shard| shard.expire(now)).min()?;
        self.alarm.armed.fetch_min(self.alarm.nanos(earliest), Ordering::SeqCst);
        Some(earliest)
    }
}
