//! Faults to try servers and clients with.

use std::fmt;
use std::time::Duration;

/// What can go wrong with a message.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Fault {
    /// The broker [restarts](crate::MemTransport::restart) right before it takes the message.
    Restart,
    /// The message is lost on its way to the queue; its sender believes it sent. A call runs into its deadline.
    DropRequest,
    /// The message arrives twice, with the same id, neither marked as redelivered: what a publisher does that repeats
    /// itself after a broken connection.
    Duplicate,
    /// The message's hand-over takes a while, by tokio's clock; later ones overtake it. A sender that gives up meanwhile
    /// has never sent it.
    Delay,
    /// The message goes to a random place in its queue instead of to the end.
    Reorder,
    /// The listener dies when it is given the message: it ends, and nothing that it held can be acknowledged any more.
    /// The message goes back to its queue, marked as redelivered.
    CrashListener,
    /// The acknowledgement fails; the message goes back to its queue, marked as redelivered, once the server drops it.
    FailAcknowledge,
    /// The answer is lost, and the server is told. The caller runs into its deadline.
    FailReply,
    /// The answer is lost, and nobody is told. The caller runs into its deadline.
    DropReply,
}

impl Fault {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Restart,
        Self::DropRequest,
        Self::Duplicate,
        Self::Delay,
        Self::Reorder,
        Self::CrashListener,
        Self::FailAcknowledge,
        Self::FailReply,
        Self::DropReply,
    ];
}

/// Faults and their chances, for [`MemBuilder::faults`](crate::MemBuilder::faults).
///
/// Whether the n-th message that could meet a fault does meet it depends on the seed, the fault and n, and on nothing
/// else: the chances of the other faults, threads and time play no part. For each message sent, the broker asks for
/// [`Restart`](Fault::Restart), [`DropRequest`](Fault::DropRequest), [`Delay`](Fault::Delay),
/// [`Reorder`](Fault::Reorder) and [`Duplicate`](Fault::Duplicate), in this order, and no further once the message is
/// dropped; for each message given to a listener for [`CrashListener`](Fault::CrashListener); for each acknowledgement
/// for [`FailAcknowledge`](Fault::FailAcknowledge); for each answer for [`FailReply`](Fault::FailReply), and if that does
/// not happen for [`DropReply`](Fault::DropReply).
///
/// The printed form has all that is needed to run it again:
///
/// ```
/// use rpc_transport_mem::{Fault, Faults, MemTransport};
///
/// let faults = Faults::seeded(7).chance(Fault::DropReply, 0.25).at_most(Fault::DropReply, 3);
/// assert_eq!(faults.to_string(), "seed 7, DropReply 0.25 at most 3");
///
/// let transport = MemTransport::builder().faults(faults).build();
/// assert_eq!(transport.faults().map(|log| log.events().len()), Some(0));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Faults {
    seed: u64,
    chances: [f64; Fault::ALL.len()],
    limits: [u64; Fault::ALL.len()],
    longest_delay: Duration,
}

impl Faults {
    /// No faults yet; what is added is decided by this seed.
    pub const fn seeded(seed: u64) -> Self {
        Self {
            seed,
            chances: [0.0; Fault::ALL.len()],
            limits: [u64::MAX; Fault::ALL.len()],
            longest_delay: Duration::from_millis(100),
        }
    }

    /// Sets the chance of a fault: 0 is never, which is the default, 1 is always.
    pub const fn chance(mut self, fault: Fault, chance: f64) -> Self {
        self.chances[fault as usize] = chance;
        self
    }

    /// Lets a fault happen at most so many times. Default: no limit.
    pub const fn at_most(mut self, fault: Fault, times: u64) -> Self {
        self.limits[fault as usize] = times;
        self
    }

    /// The longest time that [`Fault::Delay`] takes; the shortest is none. Default: 100 ms.
    pub const fn longest_delay(mut self, longest: Duration) -> Self {
        self.longest_delay = longest;
        self
    }

    /// Whether the fault happens on its n-th occasion, and a random number to go with it.
    pub(crate) fn decide(&self, fault: Fault, occasion: u64) -> Option<u64> {
        let stream = scramble(self.seed ^ scramble(fault as u64));
        let random = scramble(stream.wrapping_add(occasion));
        // The 53 bits that fit into a float, as a number from 0 to just below 1.
        let dice = (random >> 11) as f64 / (1_u64 << 53) as f64;
        (dice < self.chances[fault as usize]).then(|| scramble(random))
    }

    pub(crate) const fn limit(&self, fault: Fault) -> u64 {
        self.limits[fault as usize]
    }

    pub(crate) fn delay(&self, random: u64) -> Duration {
        let nanos = u64::try_from(self.longest_delay.as_nanos()).unwrap_or(u64::MAX - 1);
        Duration::from_nanos(random % (nanos + 1).max(1))
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}", self.seed)?;
        for &fault in Fault::ALL {
            let (chance, limit) = (self.chances[fault as usize], self.limits[fault as usize]);
            if chance > 0.0 {
                write!(f, ", {fault:?} {chance}")?;
                if limit != u64::MAX {
                    write!(f, " at most {limit}")?;
                }
                if fault == Fault::Delay {
                    write!(f, " up to {:?}", self.longest_delay)?;
                }
            }
        }
        Ok(())
    }
}

/// One step of SplitMix64 (Steele, Lea and Flood 2014): neighbours become unrelated.
const fn scramble(seed: u64) -> u64 {
    let mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(faults: &Faults, fault: Fault) -> Vec<u64> {
        (0..10_000).filter(|occasion| faults.decide(fault, *occasion).is_some()).collect()
    }

    #[test]
    fn a_fault_happens_about_as_often_as_its_chance_says() {
        for &fault in Fault::ALL {
            let often = hits(&Faults::seeded(1).chance(fault, 0.3), fault).len();
            assert!((2_800..3_200).contains(&often), "{fault:?} happened {often} times in 10,000");
        }
    }

    #[test]
    fn no_chance_is_never_and_certainty_is_always() {
        let faults = Faults::seeded(1).chance(Fault::Delay, 1.0);
        assert_eq!(hits(&faults, Fault::Delay).len(), 10_000);
        assert!(hits(&faults, Fault::Reorder).is_empty());
    }

    #[test]
    fn only_the_seed_and_the_fault_decide_when_it_happens() {
        let seven = Faults::seeded(7).chance(Fault::Delay, 0.5).chance(Fault::Reorder, 0.5);
        let with_others = seven.clone().chance(Fault::Restart, 0.9);
        let eight = Faults::seeded(8).chance(Fault::Delay, 0.5);
        assert_eq!(hits(&seven, Fault::Delay), hits(&with_others, Fault::Delay));
        assert_ne!(hits(&seven, Fault::Delay), hits(&seven, Fault::Reorder));
        assert_ne!(hits(&seven, Fault::Delay), hits(&eight, Fault::Delay));
    }

    #[test]
    fn a_delay_is_never_longer_than_the_longest() {
        let faults = Faults::seeded(1).longest_delay(Duration::from_millis(5));
        for random in [0, 1, 4_999_999, 5_000_000, 5_000_001, u64::MAX] {
            assert!(faults.delay(random) <= Duration::from_millis(5));
        }
        assert_eq!(faults.delay(5_000_000), Duration::from_millis(5));
    }
}
