//! Inputs that are generated from seeds, for tests that run the bodies of the fuzz targets.
//!
//! A failure prints its seed. `RPC_FUZZ_SEED` runs only that seed. `RPC_FUZZ_RUNS` sets the number of runs per target.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// The SplitMix64 generator. A seed must generate the same inputs forever, which no library guarantees.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    pub fn byte(&mut self) -> u8 {
        self.below(256) as u8
    }

    pub fn bytes(&mut self, most: u64) -> Vec<u8> {
        (0..self.below(most + 1)).map(|_| self.byte()).collect()
    }

    pub fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len() as u64) as usize]
    }

    /// Returns pieces in random order, with some random bytes.
    pub fn soup(&mut self, pieces: &[&[u8]]) -> Vec<u8> {
        let mut soup = Vec::new();
        for _ in 0..self.below(40) {
            match self.below(8) {
                0 => soup.push(self.byte()),
                _ => soup.extend(self.pick(pieces)),
            }
        }
        soup
    }

    /// Changes up to two bytes, and sometimes cuts the end off.
    pub fn damage(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        for _ in 0..self.below(3).min(bytes.len() as u64) {
            let at = self.below(bytes.len() as u64) as usize;
            bytes[at] = self.byte();
        }
        if self.below(4) == 0 {
            bytes.truncate(self.below(bytes.len() as u64 + 1) as usize);
        }
        bytes
    }

    /// Removes, repeats and inserts some pieces, so that the rest stays as it is.
    pub fn rearrange(&mut self, mut bytes: Vec<u8>, pieces: &[&[u8]]) -> Vec<u8> {
        for _ in 0..self.below(4) {
            let at = self.below(bytes.len() as u64 + 1) as usize;
            let end = bytes.len().min(at + self.below(12) as usize);
            let new = match self.below(3) {
                0 => Vec::new(),
                1 => bytes[at..end].repeat(2),
                _ => self.pick(pieces).to_vec(),
            };
            bytes.splice(at..end, new);
        }
        bytes
    }
}

/// Returns the seeds to run, `runs` of them by default.
///
/// # Panics
///
/// Panics if a variable is not a number.
pub fn seeds(runs: u64) -> std::ops::Range<u64> {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    match number("RPC_FUZZ_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("RPC_FUZZ_RUNS").unwrap_or(runs),
    }
}

/// Runs a body over the inputs that are made from seeds, and returns its results.
///
/// # Panics
///
/// Panics if the body does, after the seed has been printed.
pub fn run<T>(runs: u64, body: fn(&[u8]) -> T, make: impl Fn(&mut Random) -> Vec<u8>) -> Vec<T> {
    let mut results = Vec::new();
    for seed in seeds(runs) {
        let input = make(&mut Random::new(seed));
        match catch_unwind(AssertUnwindSafe(|| body(&input))) {
            Ok(result) => results.push(result),
            Err(panic) => {
                let text = String::from_utf8_lossy(&input[..input.len().min(2_000)]);
                eprintln!("failed with RPC_FUZZ_SEED={seed}, input {input:x?}, as text {text:?}");
                resume_unwind(panic);
            }
        }
    }
    results
}
