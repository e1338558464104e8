//! Names that nobody else has, and jitter.

use std::hash::{BuildHasher, RandomState};

/// 64 random bits: each `RandomState` has keys of its own, seeded by the operating system.
pub(crate) fn bits() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

/// 128 random bits as 32 hexadecimal digits, the form of oslo.messaging's unique names.
pub(crate) fn name() -> String {
    format!("{:016x}{:016x}", bits(), bits())
}

/// A random part of a whole: from 0 to 1.
pub(crate) fn part() -> f64 {
    bits() as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_two_names_are_the_same() {
        assert_ne!(super::name(), super::name());
        assert_eq!(super::name().len(), 32);
    }
}
