//! The prefix of native messages: 24 bytes in which everything has a fixed place.
//!
//! | bytes | |
//! |---|---|
//! | 0 | `0xC1`: JSON, UTF-8 text and MessagePack never begin with it |
//! | 1 | the version of the format: 1 |
//! | 2 | the [kind](Kind) |
//! | 3 | flags: 0, and ignored by readers |
//! | 4 to 19 | the message id, big-endian; of a reply or notice: the id of the request |
//! | 20 to 23 | the length of the header, big-endian |
//!
//! Bytes 0 to 19 mean the same in every version of the format, so a reader can always tell what a message is, and tell
//! the caller of a request that it cannot read.

use rpc_core::{Bytes, MessageId};

use super::header::{self, Header};
use super::kind::Kind;

const MAGIC: u8 = 0xC1;

/// The version of the format that is written, and the only one that is read.
const VERSION: u8 = 1;

const LEN: usize = 24;

/// Returns whether a message is of the native dialect.
pub(crate) fn is_native(body: &[u8]) -> bool {
    body.first() == Some(&MAGIC)
}

/// Returns the kind of a native message. `None`: the message is cut short.
pub(super) fn kind(body: &[u8]) -> Option<Kind> {
    body.get(2).copied().map(Kind::from_byte)
}

/// Returns the id of a native message without decoding anything else. `None`: the message is cut short.
pub(super) fn message_id(body: &[u8]) -> Option<MessageId> {
    let bits = body.get(4..)?.first_chunk::<16>()?;
    Some(MessageId::from_bits(u128::from_be_bytes(*bits)))
}

/// Returns the beginning of a message: prefix and header.
///
/// # Errors
///
/// Fails if a field of the header cannot be encoded, or if the header is too long for the prefix.
pub(super) fn head<'a>(
    kind: Kind,
    id: MessageId,
    header: &impl Header<'a>,
) -> Result<Vec<u8>, String> {
    let header = header::encode(header)?;
    let length = u32::try_from(header.len()).map_err(|_| {
        format!("the header takes {} bytes, at most {} fit", header.len(), u32::MAX)
    })?;
    Ok(assemble(kind, id, length, &header))
}

/// Returns the beginning of a message without header.
pub(super) fn bare_head(kind: Kind, id: MessageId) -> Vec<u8> {
    assemble(kind, id, 0, &[])
}

fn assemble(kind: Kind, id: MessageId, length: u32, header: &[u8]) -> Vec<u8> {
    let mut head = Vec::with_capacity(LEN + header.len());
    head.extend_from_slice(&[MAGIC, VERSION, kind.to_byte(), 0]);
    head.extend_from_slice(&id.to_bits().to_be_bytes());
    head.extend_from_slice(&length.to_be_bytes());
    head.extend_from_slice(header);
    head
}

/// A message, taken apart without a copy.
pub(super) struct Parts<'a> {
    pub(super) id: MessageId,
    pub(super) header: &'a [u8],
    pub(super) payload: Bytes,
}

/// Splits a message behind its prefix.
///
/// # Errors
///
/// Fails if the message has another version, or is cut short, with the reason.
pub(super) fn split(body: &Bytes) -> Result<Parts<'_>, String> {
    let cut_short = || format!("the message is cut short: it takes {} bytes", body.len());
    let version = *body.get(1).ok_or_else(cut_short)?;
    if version != VERSION {
        return Err(format!(
            "the message has format version {version}, and this program reads version {VERSION}"
        ));
    }
    let id = message_id(body).ok_or_else(cut_short)?;
    let length = body.get(20..).and_then(<[u8]>::first_chunk).ok_or_else(cut_short)?;
    let end = LEN.checked_add(u32::from_be_bytes(*length) as usize).ok_or_else(cut_short)?;
    let header = body.get(LEN..end).ok_or_else(cut_short)?;
    Ok(Parts { id, header, payload: body.slice(end..) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_and_no_compressed_text_is_a_native_message() {
        for body in [
            &b""[..],
            b"{\"oslo.version\": \"2.0\"}",
            b" {}",
            "\u{feff}{}".as_bytes(),
            b"\x1f\x8b\x08",
            b"\x78\x9c",
            b"BZh9",
            b"\xfd7zXZ\0",
            b"\x81\xa1m\xa1x",
        ] {
            assert!(!is_native(body), "{body:x?}");
        }
        // No UTF-8 text contains this byte.
        assert!(str::from_utf8(&[MAGIC, 0x81]).is_err());
    }

    #[test]
    fn a_message_is_cut_short_wherever_it_ends_within_its_header() {
        let header = header::RequestHeader { method: Some("ping"), ..<_>::default() };
        let mut body = head(Kind::Call, MessageId::from_bits(7), &header).unwrap();
        let end = body.len();
        body.push(0x80);
        let body = Bytes::from(body);
        for at in 0..end {
            let reason = split(&body.slice(..at)).err().unwrap();
            assert_eq!(reason, format!("the message is cut short: it takes {at} bytes"));
        }
        let parts = split(&body).unwrap();
        assert_eq!((parts.id, &*parts.payload), (MessageId::from_bits(7), &[0x80][..]));
    }
}
