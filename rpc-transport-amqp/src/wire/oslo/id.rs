//! Message ids (`_unique_id`).

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rpc_core::MessageId;

/// Returns an id that no other message has: 64 random bits of this process, then a counter.
pub(super) fn unique() -> MessageId {
    static PREFIX: LazyLock<u64> = LazyLock::new(|| {
        // Ids need to differ, not to be secret.
        getrandom::u64().unwrap_or_else(|_| fastrand::u64(..))
    });
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    MessageId::from_bits(u128::from(*PREFIX) << 64 | u128::from(number))
}

/// Returns the id for a `_unique_id`: its number where it is hexadecimal, as Python's ids are; otherwise a hash
/// (FNV-1a), so that a message that is delivered twice has the same id twice.
pub(super) fn from_text(text: &str) -> MessageId {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let mix = |hash: u128, byte: u8| (hash ^ u128::from(byte)).wrapping_mul(PRIME);
    text.parse().unwrap_or_else(|_| MessageId::from_bits(text.bytes().fold(BASIS, mix)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_ids_are_the_same() {
        assert_ne!(unique(), unique());
    }

    #[test]
    fn a_text_that_is_not_a_number_has_one_id_of_its_own() {
        assert_eq!(from_text("ab"), MessageId::from_bits(0xab));
        assert_eq!(from_text("req-1"), from_text("req-1"));
        assert_ne!(from_text("req-1"), from_text("req-2"));
        assert_ne!(from_text("xyz"), from_text("zyx"));
    }
}
