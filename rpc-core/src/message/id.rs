//! Ids of messages.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

/// The id of one message: 128 bits, printed as 32 hexadecimal digits, the form oslo.messaging's `_msg_id` has.
#[derive(Copy, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(u128);

impl MessageId {
    /// The id with these bits.
    #[must_use]
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// The bits of this id.
    #[must_use]
    pub const fn to_bits(self) -> u128 {
        self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for MessageId {
    type Err = ParseMessageIdError;

    /// Reads 1 to 32 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.len() <= 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let id = digits.then(|| u128::from_str_radix(text, 16).ok()).flatten();
        id.map(Self).ok_or(ParseMessageIdError(()))
    }
}

/// A text that is no message id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a message id is 1 to 32 hexadecimal digits")]
pub struct ParseMessageIdError(());

/// Makes ids that no other source makes: 64 random bits of its own, then a counter.
///
/// Asking the operating system for 128 random bits costs as much as a third of a whole call; nothing needs ids that
/// cannot be guessed, only ids that do not meet.
#[derive(Debug)]
pub(crate) struct IdSource {
    prefix: u128,
    next: AtomicU64,
}

impl IdSource {
    pub(crate) fn new() -> Self {
        // Each `RandomState` has keys of its own, seeded by the operating system.
        let random = RandomState::new().hash_one(std::process::id());
        Self { prefix: u128::from(random) << 64, next: AtomicU64::new(1) }
    }

    pub(crate) fn next(&self) -> MessageId {
        MessageId(self.prefix | u128::from(self.next.fetch_add(1, Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sources_never_make_the_same_id() {
        let (one, other) = (IdSource::new(), IdSource::new());
        let ids: std::collections::HashSet<_> =
            (0..100).flat_map(|_| [one.next(), other.next()]).collect();
        assert_eq!(ids.len(), 200);
    }

    #[test]
    fn an_id_is_printed_as_32_hexadecimal_digits_and_read_back() {
        let id = MessageId::from_bits(0xab);
        assert_eq!(id.to_string(), "000000000000000000000000000000ab");
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", "+ab", "xyz", &"0".repeat(33)] {
            assert!(text.parse::<MessageId>().is_err(), "{text}");
        }
    }
}
