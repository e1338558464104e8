//! Ids for messages that bring none of their own.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rpc_core::MessageId;

/// An id that no message has had: 64 random bits of this process, then a counter.
pub(super) fn fresh() -> MessageId {
    static PREFIX: LazyLock<u64> = LazyLock::new(|| fastrand::u64(..));
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    MessageId::from_bits(u128::from(*PREFIX) << 64 | u128::from(number))
}

/// The id that stands for `text`: its number where it is hexadecimal, as Python's are; otherwise always the same one
/// for the same text (by FNV-1a), so that a repeated message is seen to be one.
pub(super) fn standing_for(text: &str) -> MessageId {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let mix = |hash: u128, byte: u8| (hash ^ u128::from(byte)).wrapping_mul(PRIME);
    text.parse().unwrap_or_else(|_| MessageId::from_bits(text.bytes().fold(BASIS, mix)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_ids_never_meet() {
        assert_ne!(fresh(), fresh());
    }

    #[test]
    fn a_text_that_is_no_number_has_one_id_of_its_own() {
        assert_eq!(standing_for("ab"), MessageId::from_bits(0xab));
        assert_eq!(standing_for("req-1"), standing_for("req-1"));
        assert_ne!(standing_for("req-1"), standing_for("req-2"));
        assert_ne!(standing_for("xyz"), standing_for("zyx"));
    }
}
