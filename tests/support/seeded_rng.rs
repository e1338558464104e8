//! Random numbers from a seed.

use std::time::Duration;

/// A sequence of random numbers; the same seed gives the same sequence.
#[derive(Debug, Clone)]
pub struct SeededRng(fastrand::Rng);

impl SeededRng {
    /// Creates the sequence of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// Returns a seed for another sequence.
    pub fn seed(&mut self) -> u64 {
        self.0.u64(..)
    }

    /// Returns a number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0.usize(..limit)
    }

    /// Returns true with this probability.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.0.u64(..100) < percent
    }

    /// Returns one of these.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// Puts these into a random order.
    pub fn shuffle<T>(&mut self, these: &mut [T]) {
        self.0.shuffle(these);
    }

    /// Returns a duration between the two, in whole microseconds.
    pub fn between(&mut self, shortest: Duration, longest: Duration) -> Duration {
        let width = (longest - shortest).as_micros() as u64;
        shortest + Duration::from_micros(self.0.u64(..=width))
    }
}
