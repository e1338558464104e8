//! One sleeping task for the deadlines of a whole table.
//!
//! It sleeps until the earliest deadline and is kicked only by an earlier one; calls that end in time never wake it.
//! It runs on the runtime of the call that needed it first, its owner. When that runtime goes, it wakes all waiting
//! calls, and the next one polled starts another on its own runtime. A call from a second runtime does not rely on the
//! first one being driven: it gets a watch of its own.

use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::armed::{Armed, LATEST};
use super::table::Shard;
use super::{CallKey, PendingCalls, Table};

const NOBODY: u64 = 0;

pub(super) struct Alarm {
    /// In nanoseconds since `base`.
    armed: Armed,
    base: OnceLock<Instant>,
    /// The runtime that the sleeper runs on.
    owner: AtomicU64,
    kick: Arc<Notify>,
}

/// Who minds a call's deadline.
#[derive(Debug, Default)]
pub(super) enum Watch {
    /// Nobody yet: the call was opened outside a runtime.
    #[default]
    Nobody,
    /// The sleeper.
    Sleeper,
    /// A task for this call alone.
    Own(JoinHandle<()>),
}

impl Default for Alarm {
    fn default() -> Self {
        Self {
            armed: Armed::default(),
            base: OnceLock::new(),
            owner: AtomicU64::new(NOBODY),
            kick: Arc::default(),
        }
    }
}

impl PendingCalls {
    /// Makes sure that the call is woken at `deadline`, or before.
    pub(super) fn watch(&self, key: CallKey, deadline: Instant) -> Watch {
        let Ok(runtime) = Handle::try_current() else { return Watch::Nobody };
        let alarm = &self.0.alarm;
        let here = number(&runtime);
        let owner = alarm.owner.load(Ordering::Acquire);
        if owner == here || (owner == NOBODY && alarm.claim(here)) {
            alarm.arm(deadline);
            if owner == NOBODY {
                runtime.spawn(Sleeper(Arc::downgrade(&self.0)).run(Arc::clone(&alarm.kick)));
            }
            Watch::Sleeper
        } else {
            Watch::Own(runtime.spawn(self.clone().watch_one(key)))
        }
    }

    async fn watch_one(self, key: CallKey) {
        let shard = self.shard(key);
        // Signs of life put the deadline off, hence a loop.
        while let Some(deadline) = shard.first_deadline(key) {
            sleep_until(deadline).await;
            shard.expire(Instant::now());
        }
    }
}

impl Watch {
    /// Whether somebody still minds.
    pub(super) fn stands(&self, pending_calls: &PendingCalls) -> bool {
        match self {
            Self::Nobody => false,
            Self::Sleeper => pending_calls.0.alarm.owner.load(Ordering::Acquire) != NOBODY,
            Self::Own(task) => !task.is_finished(),
        }
    }

    pub(super) fn end(&self) {
        if let Self::Own(task) = self {
            task.abort();
        }
    }
}

impl Alarm {
    fn claim(&self, here: u64) -> bool {
        self.owner.compare_exchange(NOBODY, here, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn arm(&self, deadline: Instant) {
        if self.armed.arm(self.nanos(deadline)) {
            self.kick.notify_one();
        }
    }

    fn nanos(&self, at: Instant) -> u64 {
        let base = *self.base.get_or_init(Instant::now);
        u64::try_from(at.saturating_duration_since(base).as_nanos()).unwrap_or(LATEST).min(LATEST)
    }
}

/// The number that tells a runtime from all others.
fn number(runtime: &Handle) -> u64 {
    /// The id shows its number to hashers only.
    struct Read(u64);

    impl Hasher for Read {
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

    let mut read = Read(NOBODY);
    runtime.id().hash(&mut read);
    read.finish()
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
            table.alarm.owner.store(NOBODY, Ordering::Release);
            table.shards.iter().for_each(Shard::wake_all);
        }
    }
}

impl Table {
    /// Ends the calls whose time is up; the earliest deadline of the others.
    fn expire(&self) -> Option<Instant> {
        self.alarm.armed.lower();
        let now = Instant::now();
        let earliest = self.shards.iter().filter_map(|shard| shard.expire(now)).min()?;
        self.alarm.armed.arm(self.alarm.nanos(earliest));
        Some(earliest)
    }
}
