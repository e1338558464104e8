//! Failures.

use std::borrow::Cow;

use rpc_core::error::Ran;
use rpc_core::{Bytes, Codec, DecodeLimits, Failure, FailureKind, Payload};
use serde::{Deserialize, Serialize};

use super::{VersionNumbers, codec, content_type, version, version_numbers};

#[derive(Serialize, Deserialize)]
struct Body<'a> {
    #[serde(rename = "k", borrow)]
    kind: Cow<'a, str>,
    /// A word of [`Ran`]. A message without it leaves it to the kind.
    #[serde(rename = "ran", borrow, default, skip_serializing_if = "Option::is_none")]
    ran: Option<Cow<'a, str>>,
    #[serde(rename = "c", borrow)]
    class: Cow<'a, str>,
    #[serde(rename = "m", borrow, default, skip_serializing_if = "Option::is_none")]
    module: Option<Cow<'a, str>>,
    #[serde(rename = "t", borrow)]
    message: Cow<'a, str>,
    #[serde(rename = "d", borrow, default, skip_serializing_if = "Option::is_none")]
    details: Option<Details<'a>>,
    #[serde(rename = "s", default, skip_serializing_if = "Vec::is_empty")]
    supported_versions: Vec<VersionNumbers>,
    #[serde(rename = "r", default, skip_serializing_if = "Vec::is_empty")]
    causes: Vec<String>,
}

/// The content type of an error's own value, and the encoded value.
#[derive(Serialize, Deserialize)]
struct Details<'a>(#[serde(borrow)] Cow<'a, str>, #[serde(with = "bytes")] Vec<u8>);

impl Details<'_> {
    fn of(payload: &Payload) -> Self {
        Self(Cow::Borrowed(content_type(payload.codec())), payload.bytes().to_vec())
    }

    /// Returns the value, unless it is in a codec that only newer servers know. The failure is kept without it: what happened,
    /// and whether the method ran, does not depend on the details.
    fn into_payload(self) -> Option<Payload> {
        let Self(content_type, bytes) = self;
        codec(&content_type).ok().map(|codec| Payload::new(codec, bytes))
    }
}

mod bytes {
    use rpc_core::Value;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        match Value::deserialize(from)? {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(D::Error::custom("details are bytes")),
        }
    }
}

pub(super) fn encode(failure: &Failure) -> Bytes {
    let body = Body {
        kind: Cow::Borrowed(failure.kind().as_str()),
        ran: Some(Cow::Borrowed(failure.ran().as_str())),
        class: Cow::Borrowed(failure.class()),
        module: failure.module().map(Cow::Borrowed),
        message: Cow::Borrowed(failure.message()),
        details: failure.details().map(Details::of),
        supported_versions: failure
            .supported_versions()
            .iter()
            .copied()
            .map(version_numbers)
            .collect(),
        causes: failure.causes().to_vec(),
    };
    // It holds strings, bytes and numbers only, all of which MessagePack can encode.
    Codec::MessagePack.encode(&body).unwrap_or_default()
}

pub(super) fn decode(body: &[u8], limits: &DecodeLimits) -> Result<Failure, String> {
    let body: Body<'_> =
        Codec::MessagePack.decode(body, limits).map_err(|error| format!("the failure: {error}"))?;
    let kind = body.kind.parse().unwrap_or(FailureKind::Unrecognized);
    let failure = Failure::new(kind, body.class.into_owned(), body.message.into_owned())
        .with_module(body.module.map(Cow::into_owned))
        .with_supported_versions(body.supported_versions.into_iter().map(version).collect())
        .with_causes(body.causes);
    let failure = match body.ran {
        Some(word) => failure.with_ran(Ran::from_word(&word)),
        None => failure,
    };
    Ok(match body.details.and_then(Details::into_payload) {
        Some(details) => failure.with_details(details),
        None => failure,
    })
}

#[cfg(test)]
mod tests {
    use rpc_core::error::Ran;
    use rpc_core::{Value, Version};

    use super::*;

    #[test]
    fn failures_of_all_kinds_come_back_as_they_were() {
        for &kind in FailureKind::ALL {
            for details in [
                Payload::new(Codec::Json, b"{}".to_vec()),
                Payload::new(Codec::MessagePack, vec![0x80]),
            ] {
                let sent = Failure::new(kind, "Broke", "30 cents short")
                    .with_module(Some("bank"))
                    .with_supported_versions(vec![Version::new(2, 0).with_revision(3)])
                    .with_causes(vec!["caused by".into()])
                    .with_details(details);
                let received = decode(&encode(&sent), &DecodeLimits::new()).unwrap();
                assert_eq!(format!("{received:?}"), format!("{sent:?}"));
                assert_eq!(received.details(), sent.details());
            }
        }
    }

    #[test]
    fn details_in_a_codec_that_only_newer_servers_know_are_dropped_and_the_failure_is_kept() {
        #[derive(Serialize)]
        struct Newer {
            k: &'static str,
            c: &'static str,
            t: &'static str,
            d: (&'static str, Value),
        }
        let d = ("application/cbor", Value::Bytes(vec![0xa0]));
        let body = Newer { k: FailureKind::Expected.as_str(), c: "Broke", t: "30 cents short", d };
        let body = Codec::MessagePack.encode(&body).unwrap();
        let failure = decode(&body, &DecodeLimits::new()).unwrap();
        assert_eq!((failure.kind(), failure.class()), (FailureKind::Expected, "Broke"));
        assert_eq!(failure.message(), "30 cents short");
        assert_eq!(failure.details(), None);
    }

    #[test]
    fn a_kind_that_only_newer_servers_know_leaves_open_whether_the_method_ran() {
        let failure = said(&[("k", "rate_limited"), ("c", "A"), ("t", "m")]);
        assert_eq!((failure.kind(), failure.class()), (FailureKind::Unrecognized, "A"));
        assert_eq!(failure.ran(), Ran::Unknown);
    }

    #[test]
    fn whether_the_method_ran_is_what_the_server_said() {
        for &kind in FailureKind::ALL {
            let named = [("k", kind.as_str()), ("c", "A"), ("t", "m")];
            assert_eq!(said(&named).ran(), kind.ran());
            for ran in [Ran::No, Ran::Yes, Ran::Unknown] {
                let sent = Failure::new(kind, "A", "m").with_ran(ran);
                let received = decode(&encode(&sent), &DecodeLimits::new()).unwrap();
                assert_eq!(received.ran(), ran, "{kind}");
            }
        }
        for (kind, word, ran) in
            [("rate_limited", "no", Ran::No), ("denied", "partly", Ran::Unknown)]
        {
            let failure = said(&[("k", kind), ("ran", word), ("c", "A"), ("t", "m")]);
            assert_eq!(failure.ran(), ran, "{kind} {word}");
        }
    }

    fn said(fields: &[(&str, &str)]) -> Failure {
        let fields: std::collections::BTreeMap<_, _> = fields.iter().copied().collect();
        let body = Codec::MessagePack.encode(&fields).unwrap();
        decode(&body, &DecodeLimits::new()).unwrap()
    }
}
