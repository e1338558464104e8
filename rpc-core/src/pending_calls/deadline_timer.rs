//! One task for the deadlines of a whole table.
//!
//! It sleeps until the earliest deadline, and only an earlier one notifies it; calls that complete in time never wake it.
//! It runs on the runtime of the first call that needed it. When that runtime goes, the task wakes all pending calls, and
//! the next one that is polled starts another task on its own runtime. A call from a second runtime must not depend on
//! the first one being driven, so it gets a task of its own.

use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::next_wakeup::{LATEST, NextWakeup};
use super::table::Shard;
use super::{CallKey, PendingCalls, Table};

const NO_RUNTIME: u64 = 0;

pub(super) struct DeadlineTimer {
    /// In nanoseconds since `base`.
    next_wakeup: NextWakeup,
    base: OnceLock<Instant>,
    /// The runtime that the timer's task runs on.
    runtime: AtomicU64,
    notify: Arc<Notify>,
}

/// What watches the deadline of a call.
#[derive(Debug, Default)]
pub(super) enum DeadlineWatch {
    /// Nothing yet: the call was registered outside a runtime.
    #[default]
    None,
    /// The table's timer.
    Timer,
    /// A task for this call alone.
    OwnTask(JoinHandle<()>),
}

impl Default for DeadlineTimer {
    fn default() -> Self {
        Self {
            next_wakeup: NextWakeup::default(),
            base: OnceLock::new(),
            runtime: AtomicU64::new(NO_RUNTIME),
            notify: Arc::default(),
        }
    }
}

impl PendingCalls {
    /// Makes sure that the call is woken at `deadline` or before.
    pub(super) fn watch(&self, key: CallKey, deadline: Instant) -> DeadlineWatch {
        let Ok(handle) = Handle::try_current() else { return DeadlineWatch::None };
        let timer = &self.0.timer;
        let current = runtime_number(&handle);
        let runtime = timer.runtime.load(Ordering::Acquire);
        if runtime == current || (runtime == NO_RUNTIME && timer.claim(current)) {
            timer.wake_at(deadline);
            if runtime == NO_RUNTIME {
                handle.spawn(TimerTask(Arc::downgrade(&self.0)).run(Arc::clone(&timer.notify)));
            }
            DeadlineWatch::Timer
        } else {
            DeadlineWatch::OwnTask(handle.spawn(self.clone().watch_one(key)))
        }
    }

    async fn watch_one(self, key: CallKey) {
        let shard = self.shard(key);
        // Every report of a monitored call moves its deadline, so the task looks again.
        while let Some(deadline) = shard.first_deadline(key) {
            sleep_until(deadline).await;
            shard.expire(Instant::now());
        }
    }
}

impl DeadlineWatch {
    /// Returns whether the deadline is still watched.
    pub(super) fn is_active(&self, pending_calls: &PendingCalls) -> bool {
        match self {
            Self::None => false,
            Self::Timer => pending_calls.0.timer.runtime.load(Ordering::Acquire) != NO_RUNTIME,
            Self::OwnTask(task) => !task.is_finished(),
        }
    }

    pub(super) fn end(&self) {
        if let Self::OwnTask(task) = self {
            task.abort();
        }
    }
}

impl DeadlineTimer {
    fn claim(&self, runtime: u64) -> bool {
        self.runtime
            .compare_exchange(NO_RUNTIME, runtime, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    fn wake_at(&self, deadline: Instant) {
        if self.next_wakeup.set_at_most(self.nanos(deadline)) {
            self.notify.notify_one();
        }
    }

    fn nanos(&self, at: Instant) -> u64 {
        let base = *self.base.get_or_init(Instant::now);
        u64::try_from(at.saturating_duration_since(base).as_nanos()).unwrap_or(LATEST).min(LATEST)
    }
}

/// Returns a number that tells a runtime from all others.
fn runtime_number(runtime: &Handle) -> u64 {
    /// A runtime's id reveals its number to hashers only.
    struct ReadNumber(u64);

    impl Hasher for ReadNumber {
        fn write(&mut self, bytes: &[u8]) {
            self.0 = bytes.iter().fold(self.0, |number, byte| number << 8 | u64::from(*byte));
        }

        fn write_u64(&mut self, number: u64) {
            self.0 = number;
        }

        fn finish(&self) -> u64 {
            self.0
        }
    }

    let mut number = ReadNumber(NO_RUNTIME);
    runtime.id().hash(&mut number);
    number.finish()
}

impl Drop for Table {
    /// Ends the timer's task.
    fn drop(&mut self) {
        self.timer.notify.notify_one();
    }
}

struct TimerTask(Weak<Table>);

impl TimerTask {
    async fn run(self, notify: Arc<Notify>) {
        while let Some(next) = self.0.upgrade().map(|table| table.expire()) {
            match next {
                Some(deadline) => drop(timeout_at(deadline, notify.notified()).await),
                None => notify.notified().await,
            }
        }
    }
}

impl Drop for TimerTask {
    /// Hands the deadlines over to another runtime. Runs also when the task is dropped together with its runtime.
    fn drop(&mut self) {
        if let Some(table) = self.0.upgrade() {
            table.timer.runtime.store(NO_RUNTIME, Ordering::Release);
            table.shards.iter().for_each(Shard::wake_all);
        }
    }
}

impl Table {
    /// Completes the calls whose time is up. Returns the earliest deadline of the others.
    fn expire(&self) -> Option<Instant> {
        self.timer.next_wakeup.clear();
        let now = Instant::now();
        let earliest = self.shards.iter().filter_map(|shard| shard.expire(now)).min()?;
        self.timer.next_wakeup.set_at_most(self.timer.nanos(earliest));
        Some(earliest)
    }
}
