//! Message ids (`_unique_id`).

use std::hash::BuildHasher;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::DefaultHashBuilder;
use memchr::memmem;
use rpc_core::MessageId;

/// The member that holds the id of a message.
const UNIQUE_ID: &[u8] = b"_unique_id";

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

/// Returns the same id for all copies of a message, without decoding it.
///
/// It is the `_unique_id`, if the body contains this name once. If there are several, only a scan of the whole JSON tells
/// which of them is not within the arguments. Then, and where the body is compressed, it is a hash of the body. Another one
/// without the name may be sent twice on purpose, and has no id.
pub(super) fn of_body(body: &[u8], is_compressed: bool) -> Option<MessageId> {
    static HASH: LazyLock<DefaultHashBuilder> = LazyLock::new(DefaultHashBuilder::default);
    let mut found = memmem::find_iter(body, UNIQUE_ID);
    match (found.next(), found.next()) {
        // The name was found there, so it ends within the body.
        (Some(at), None) => return text_value(&body[at + UNIQUE_ID.len()..]).map(from_text),
        (None, _) if !is_compressed => return None,
        _ => {}
    }
    let [high, low] = [0, 1].map(|half: u8| u128::from(HASH.hash_one((half, body))));
    Some(MessageId::from_bits(high << 64 | low))
}

/// Returns the text that is the value of a member, from behind its name. Within the envelope, quotes are escaped.
fn text_value(rest: &[u8]) -> Option<&str> {
    let quote = |text: &[u8]| -> Option<usize> {
        let escaped = usize::from(text.starts_with(b"\\"));
        (text.get(escaped) == Some(&b'"')).then_some(escaped + 1)
    };
    let rest = rest.get(quote(rest)?..)?.trim_ascii_start();
    let rest = rest.strip_prefix(b":")?.trim_ascii_start();
    let value = rest.get(quote(rest)?..)?;
    let end = value.iter().position(|byte| matches!(byte, b'\\' | b'"'))?;
    let text = str::from_utf8(value.get(..end)?).ok()?;
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_message_is_found_without_decoding_it() {
        let plain = r#"{"args": {}, "_unique_id": "ab", "method": "m"}"#;
        let enveloped = r#"{"oslo.message": "{\"_unique_id\": \"ab\", \"method\": \"m\"}"}"#;
        let compact = r#"{"oslo.message":"{\"_unique_id\":\"ab\"}"}"#;
        for body in [plain, enveloped, compact] {
            assert_eq!(of_body(body.as_bytes(), false), Some(from_text("ab")), "{body}");
        }
        for body in [
            r#" {"method": "m"}"#,
            r#"{"_unique_id": null}"#,
            r#"{"_unique_id": 7}"#,
            r#"{"_unique_id": ""}"#,
            r#"{"_unique_id": "ab"#,
            r#"{"_unique_id"#,
            "unreadable",
        ] {
            assert_eq!(of_body(body.as_bytes(), false), None, "{body}");
        }
    }

    #[test]
    fn copies_have_the_same_id_and_other_messages_do_not() {
        let forwarded = |id: &str| {
            format!(r#"{{"args": {{"message": {{"_unique_id": "1"}}}}, "_unique_id": "{id}"}}"#)
        };
        let id = |body: &str| of_body(body.as_bytes(), body.starts_with("BZh9")).unwrap();
        assert_eq!(id(&forwarded("2")), id(&forwarded("2")));
        assert_ne!(id(&forwarded("2")), id(&forwarded("3")));
        assert_eq!(id("BZh9 compressed"), id("BZh9 compressed"));
        assert_ne!(id("BZh9 compressed"), id("BZh9 compressed too"));
    }

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
