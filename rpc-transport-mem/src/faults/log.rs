use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use rpc_core::MessageId;

use super::fault::Fault;
use super::plan::FaultPlan;

/// A fault that was injected.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct FaultEvent {
    /// The fault.
    pub fault: Fault,
    /// Which of the opportunities of this fault it was, counted from 0.
    pub opportunity: u64,
    /// The id of the message.
    pub message: MessageId,
}

/// The faults that a broker has injected, for tests to compare with what they observe. Returned by
/// [`MemTransport::fault_log`](crate::MemTransport::fault_log).
///
/// It prints as its [`FaultPlan`], so a failing test can print it to be repeated.
///
/// ```
/// use rpc_transport_mem::{Fault, FaultPlan, MemTransport};
///
/// let plan = FaultPlan::with_seed(7).probability(Fault::DropReply, 1.0);
/// let transport = MemTransport::builder().faults(plan).build();
/// if let Some(log) = transport.fault_log() {
///     // Run the test, then let it finish without faults.
///     log.disable();
///     println!("{} replies were dropped, with {log}", log.count(Fault::DropReply));
/// }
/// ```
pub struct FaultLog {
    plan: FaultPlan,
    opportunities: [AtomicU64; Fault::ALL.len()],
    disabled: AtomicBool,
    injected: Mutex<Injected>,
}

#[derive(Default)]
struct Injected {
    events: Vec<FaultEvent>,
    counts: [u64; Fault::ALL.len()],
}

impl FaultLog {
    pub(crate) fn new(plan: FaultPlan) -> Self {
        Self {
            plan,
            opportunities: Default::default(),
            disabled: AtomicBool::new(false),
            injected: Mutex::default(),
        }
    }

    /// Returns the injected faults, oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<FaultEvent> {
        self.injected.lock().events.clone()
    }

    /// Returns how often a fault was injected.
    #[must_use]
    pub fn count(&self, fault: Fault) -> u64 {
        self.injected.lock().counts[fault as usize]
    }

    /// Stops injecting faults, so that a test can wait until all work is done.
    pub fn disable(&self) {
        self.disabled.store(true, Ordering::Relaxed);
    }

    /// Decides whether a fault is injected for this message, and logs it. Returns a random number for its extent if so.
    pub(crate) fn inject(&self, fault: Fault, message: MessageId) -> Option<u64> {
        if self.disabled.load(Ordering::Relaxed) {
            return None;
        }
        let opportunity = self.opportunities[fault as usize].fetch_add(1, Ordering::Relaxed);
        let random = self.plan.decide(fault, opportunity)?;
        let mut injected = self.injected.lock();
        if injected.counts[fault as usize] >= self.plan.limit_of(fault) {
            return None;
        }
        injected.counts[fault as usize] += 1;
        injected.events.push(FaultEvent { fault, opportunity, message });
        tracing::debug!(id = %message, ?fault, opportunity, "injected a fault");
        Some(random)
    }

    pub(crate) const fn plan(&self) -> &FaultPlan {
        &self.plan
    }
}

impl fmt::Display for FaultLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.plan, f)
    }
}

impl fmt::Debug for FaultLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultLog")
            .field("plan", &self.plan)
            .field("events", &self.events())
            .finish_non_exhaustive()
    }
}
