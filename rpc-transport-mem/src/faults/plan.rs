use std::fmt;
use std::time::Duration;

use fastrand::Rng;

use super::fault::Fault;

/// Which faults are injected and how often, for [`MemBuilder::faults`](crate::MemBuilder::faults).
///
/// The seed makes a run reproducible. Whether a fault is injected at its n-th opportunity depends on the seed, the
/// fault and n alone: not on the probabilities of other faults, on threads or on time.
///
/// The opportunities of a message, in this order:
///
/// - when it is sent: [`Restart`](Fault::Restart), [`DropRequest`](Fault::DropRequest), [`Delay`](Fault::Delay),
///   [`Reorder`](Fault::Reorder) and [`Duplicate`](Fault::Duplicate); none of the others once it is dropped;
/// - when it is delivered: [`CrashListener`](Fault::CrashListener);
/// - when it is acknowledged: [`FailAck`](Fault::FailAck);
/// - when its reply is sent: [`FailReply`](Fault::FailReply), and if the reply does not fail,
///   [`DropReply`](Fault::DropReply).
///
/// The printed form has all that is needed to repeat the run:
///
/// ```
/// use rpc_transport_mem::{Fault, FaultPlan, MemTransport};
///
/// let plan = FaultPlan::with_seed(7).probability(Fault::DropReply, 0.25).limit(Fault::DropReply, 3);
/// assert_eq!(plan.to_string(), "seed 7, DropReply 0.25 at most 3");
///
/// let transport = MemTransport::builder().faults(plan).build();
/// assert_eq!(transport.fault_log().map(|log| log.events().len()), Some(0));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct FaultPlan {
    seed: u64,
    probabilities: [f64; Fault::ALL.len()],
    limits: [u64; Fault::ALL.len()],
    max_delay: Duration,
}

impl FaultPlan {
    /// Creates a plan without faults. The seed decides when the faults that are added happen.
    pub const fn with_seed(seed: u64) -> Self {
        Self {
            seed,
            probabilities: [0.0; Fault::ALL.len()],
            limits: [u64::MAX; Fault::ALL.len()],
            max_delay: Duration::from_millis(100),
        }
    }

    /// Sets the probability of a fault, from 0 (never) to 1 (always). Default: 0.
    pub const fn probability(mut self, fault: Fault, probability: f64) -> Self {
        self.probabilities[fault as usize] = probability;
        self
    }

    /// Sets how often a fault is injected at most. Default: no limit.
    pub const fn limit(mut self, fault: Fault, times: u64) -> Self {
        self.limits[fault as usize] = times;
        self
    }

    /// Sets the maximum of the delays that [`Fault::Delay`] injects; the minimum is zero. Default: 100 ms.
    pub const fn max_delay(mut self, max: Duration) -> Self {
        self.max_delay = max;
        self
    }

    /// Decides whether a fault is injected at its n-th opportunity. Returns a random number for its extent if so.
    pub(crate) fn decide(&self, fault: Fault, opportunity: u64) -> Option<u64> {
        // Each output seeds the next generator, so neighbouring seeds, faults and opportunities are unrelated.
        let stream = output(self.seed ^ output(fault as u64));
        let mut rng = Rng::with_seed(output(stream.wrapping_add(opportunity)));
        (rng.f64() < self.probabilities[fault as usize]).then(|| rng.u64(..))
    }

    pub(crate) const fn limit_of(&self, fault: Fault) -> u64 {
        self.limits[fault as usize]
    }

    /// Returns the delay that this random number selects.
    pub(crate) fn delay(&self, random: u64) -> Duration {
        let nanos = u64::try_from(self.max_delay.as_nanos()).unwrap_or(u64::MAX - 1);
        Duration::from_nanos(random % (nanos + 1).max(1))
    }
}

/// Returns the first output of the generator with this seed.
fn output(seed: u64) -> u64 {
    Rng::with_seed(seed).u64(..)
}

impl fmt::Display for FaultPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}", self.seed)?;
        for &fault in Fault::ALL {
            let (probability, limit) =
                (self.probabilities[fault as usize], self.limits[fault as usize]);
            if probability > 0.0 {
                write!(f, ", {fault:?} {probability}")?;
                if limit != u64::MAX {
                    write!(f, " at most {limit}")?;
                }
                if fault == Fault::Delay {
                    write!(f, " up to {:?}", self.max_delay)?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(plan: &FaultPlan, fault: Fault) -> Vec<u64> {
        (0..10_000).filter(|opportunity| plan.decide(fault, *opportunity).is_some()).collect()
    }

    #[test]
    fn a_fault_happens_about_as_often_as_its_probability_says() {
        for &fault in Fault::ALL {
            let count = hits(&FaultPlan::with_seed(1).probability(fault, 0.3), fault).len();
            assert!((2_800..3_200).contains(&count), "{fault:?} happened {count} times in 10,000");
        }
    }

    #[test]
    fn probability_zero_is_never_and_one_is_always() {
        let plan = FaultPlan::with_seed(1).probability(Fault::Delay, 1.0);
        assert_eq!(hits(&plan, Fault::Delay).len(), 10_000);
        assert!(hits(&plan, Fault::Reorder).is_empty());
    }

    #[test]
    fn only_the_seed_and_the_fault_decide_when_it_happens() {
        let seven =
            FaultPlan::with_seed(7).probability(Fault::Delay, 0.5).probability(Fault::Reorder, 0.5);
        let with_others = seven.clone().probability(Fault::Restart, 0.9);
        let eight = FaultPlan::with_seed(8).probability(Fault::Delay, 0.5);
        assert_eq!(hits(&seven, Fault::Delay), hits(&with_others, Fault::Delay));
        assert_ne!(hits(&seven, Fault::Delay), hits(&seven, Fault::Reorder));
        assert_ne!(hits(&seven, Fault::Delay), hits(&eight, Fault::Delay));
    }

    #[test]
    fn a_delay_never_exceeds_the_maximum() {
        let plan = FaultPlan::with_seed(1).max_delay(Duration::from_millis(5));
        for random in [0, 1, 4_999_999, 5_000_000, 5_000_001, u64::MAX] {
            assert!(plan.delay(random) <= Duration::from_millis(5));
        }
        assert_eq!(plan.delay(5_000_000), Duration::from_millis(5));
    }
}
