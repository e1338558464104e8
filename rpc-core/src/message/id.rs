//! Message ids.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::random;

/// The id of a message: 128 bits, displayed as 32 hexadecimal digits like oslo.messaging's
/// `_msg_id`.
///
/// ```
/// use rpc_core::MessageId;
///
/// let id = MessageId::from_bits(0xab);
/// assert_eq!(id.to_string(), "000000000000000000000000000000ab");
/// assert_eq!("ab".parse(), Ok(id));
/// ```
#[derive(Copy, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId {
    // Two halves, as a `u128` would be aligned to 16 bytes, and whatever holds an id would grow.
    high: u64,
    low: u64,
}

impl MessageId {
    /// Creates an id from its bits.
    #[must_use]
    pub const fn from_bits(bits: u128) -> Self {
        Self { high: (bits >> 64) as u64, low: bits as u64 }
    }

    /// Returns the bits of the id.
    #[must_use]
    pub const fn to_bits(self) -> u128 {
        (self.high as u128) << 64 | self.low as u128
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.to_bits())
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for MessageId {
    type Err = ParseMessageIdError;

    /// Parses 1 to 32 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.len() <= 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let id = digits.then(|| u128::from_str_radix(text, 16).ok()).flatten();
        id.map(Self::from_bits).ok_or(ParseMessageIdError(()))
    }
}

/// The error of parsing a [`MessageId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a message id is 1 to 32 hexadecimal digits")]
pub struct ParseMessageIdError(());

/// Generates unique message ids: 64 random bits per source, then a counter.
///
/// Message ids must be unique but need not be unpredictable. A counter avoids a system call per
/// message.
#[derive(Debug)]
pub(crate) struct IdSource {
    prefix: u64,
    next: AtomicU64,
}

impl IdSource {
    pub(crate) fn new() -> Self {
        Self { prefix: random::from_os(), next: AtomicU64::new(1) }
    }

    pub(crate) fn next(&self) -> MessageId {
        MessageId { high: self.prefix, low: self.next.fetch_add(1, Ordering::Relaxed) }
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
