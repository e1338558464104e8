//! What went wrong so far.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rpc_core::MessageId;

use super::plan::{Fault, Faults};

/// A fault that happened.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct FaultEvent {
    /// Which one.
    pub fault: Fault,
    /// Which message that could have met the fault it was: the first is 0.
    pub occasion: u64,
    /// The message's id.
    pub message: MessageId,
}

/// The faults that a broker has dealt, for tests to compare with what they see;
/// [`MemTransport::faults`](crate::MemTransport::faults) has it.
///
/// Its printed form is that of its [`Faults`], so a failing test should print it.
pub struct FaultLog {
    faults: Faults,
    occasions: [AtomicU64; Fault::ALL.len()],
    healed: AtomicBool,
    happened: Mutex<Happened>,
}

#[derive(Default)]
struct Happened {
    events: Vec<FaultEvent>,
    counts: [u64; Fault::ALL.len()],
}

impl FaultLog {
    pub(crate) fn new(faults: Faults) -> Self {
        Self {
            faults,
            occasions: Default::default(),
            healed: AtomicBool::new(false),
            happened: Mutex::default(),
        }
    }

    /// What happened, in the order it happened.
    #[must_use]
    pub fn events(&self) -> Vec<FaultEvent> {
        self.lock().events.clone()
    }

    /// How often a fault happened.
    #[must_use]
    pub fn count(&self, fault: Fault) -> u64 {
        self.lock().counts[fault as usize]
    }

    /// Lets nothing go wrong from here on, so that a test can see the end of it.
    pub fn heal(&self) {
        self.healed.store(true, Ordering::Relaxed);
    }

    /// Whether a fault meets this message, and a random number to go with it.
    pub(crate) fn strikes(&self, fault: Fault, message: MessageId) -> Option<u64> {
        if self.healed.load(Ordering::Relaxed) {
            return None;
        }
        let occasion = self.occasions[fault as usize].fetch_add(1, Ordering::Relaxed);
        let random = self.faults.decide(fault, occasion)?;
        let mut happened = self.lock();
        if happened.counts[fault as usize] >= self.faults.limit(fault) {
            return None;
        }
        happened.counts[fault as usize] += 1;
        happened.events.push(FaultEvent { fault, occasion, message });
        tracing::debug!(id = %message, ?fault, occasion, "dealt a fault");
        Some(random)
    }

    pub(crate) const fn faults(&self) -> &Faults {
        &self.faults
    }

    fn lock(&self) -> MutexGuard<'_, Happened> {
        self.happened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for FaultLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.faults, f)
    }
}

impl fmt::Debug for FaultLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultLog")
            .field("faults", &self.faults)
            .field("events", &self.events())
            .finish_non_exhaustive()
    }
}
