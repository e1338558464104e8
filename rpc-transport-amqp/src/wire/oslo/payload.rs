//! Payloads as JSON.

use std::borrow::Cow;

use rpc_core::{Codec, DecodeLimits, Payload, Value};
use serde::de::IgnoredAny;

/// Returns a payload as JSON, to be embedded in a message. It is validated to be one value, so that it cannot break the
/// message around it or add members to it.
pub(super) fn json_of(payload: &Payload) -> Result<Cow<'_, str>, String> {
    let json = match payload.codec() {
        Codec::Json => str::from_utf8(payload.bytes())
            .map(Cow::Borrowed)
            .map_err(|error| format!("not JSON: {error}"))?,
        codec @ Codec::MessagePack => Cow::Owned(convert(codec, payload.bytes())?),
    };
    serde_json::from_str::<IgnoredAny>(&json).map_err(|error| format!("not JSON: {error}"))?;
    Ok(json)
}

fn convert(codec: Codec, bytes: &[u8]) -> Result<String, String> {
    let limits = DecodeLimits::new().max_bytes(bytes.len()).max_depth(DecodeLimits::MAX_DEPTH);
    let value: Value = codec
        .decode(bytes, &limits)
        .map_err(|error| format!("cannot convert {} to JSON: {error}", codec.name()))?;
    serde_json::to_string(&value).map_err(|error| format!("cannot encode as JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(codec: Codec, bytes: &[u8]) -> Result<String, String> {
        json_of(&Payload::new(codec, bytes.to_vec())).map(Cow::into_owned)
    }

    #[test]
    fn message_pack_becomes_json() {
        let bytes = Codec::MessagePack.encode(&[(1, "a")]).unwrap();
        assert_eq!(json(Codec::MessagePack, &bytes).unwrap(), r#"[[1,"a"]]"#);
    }

    #[test]
    fn json_stays_as_it_is_if_it_is_one_value() {
        assert_eq!(json(Codec::Json, b"{\"a\": 1.0}").unwrap(), "{\"a\": 1.0}");
        for bytes in [b"".as_slice(), b"1, \"failure\": 2", b"[1", b"\xff", b"}", b"tru"] {
            assert!(json(Codec::Json, bytes).unwrap_err().starts_with("not JSON: "));
        }
        assert!(json(Codec::MessagePack, b"\xc1").is_err());
    }
}
