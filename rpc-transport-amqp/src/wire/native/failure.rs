//! Failures: the header, and the details as payload.

use rpc_core::error::Ran;
use rpc_core::{Bytes, DecodeLimits, Failure, FailureKind, MessageId, Payload};

use super::header::{self, FailureHeader, codec, codec_word, version, version_numbers};
use super::kind::Kind;
use super::prefix;
use crate::wire::body::Body;

pub(super) fn encode(id: MessageId, failure: &Failure) -> Body {
    let details = failure.details();
    let versions = failure.supported_versions();
    let causes = failure.causes();
    let header = FailureHeader {
        kind: Some(failure.kind().as_str()),
        ran: Some(failure.ran().as_str()),
        class: Some(failure.class()),
        module: failure.module(),
        message: Some(failure.message()),
        supported_versions: (!versions.is_empty())
            .then(|| versions.iter().copied().map(version_numbers).collect()),
        causes: (!causes.is_empty()).then(|| causes.iter().map(String::as_str).collect()),
        codec: details.and_then(|details| codec_word(details.codec())),
    };
    // It holds text and numbers only, which MessagePack can encode. A text of 4 GiB does not fit; then the caller learns that
    // there was a failure.
    let head = prefix::head(Kind::Failure, id, &header)
        .unwrap_or_else(|_| prefix::bare_head(Kind::Failure, id));
    Body::new(head, details.map(|details| details.bytes().clone()).unwrap_or_default())
}

pub(super) fn decode(
    header: &[u8],
    details: Bytes,
    limits: &DecodeLimits,
) -> Result<Failure, String> {
    let header: FailureHeader<'_> = header::decode(header, limits)?;
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let kind = header.kind.and_then(|kind| kind.parse().ok()).unwrap_or(FailureKind::Unrecognized);
    let versions = header.supported_versions.unwrap_or_default();
    let causes = header.causes.unwrap_or_default();
    let mut failure = Failure::new(kind, text(header.class), text(header.message))
        .with_module(header.module.map(str::to_owned))
        .with_supported_versions(versions.into_iter().map(version).collect())
        .with_causes(causes.into_iter().map(str::to_owned).collect());
    if let Some(word) = header.ran {
        failure = failure.with_ran(Ran::from_word(word));
    }
    // No value is encoded as zero bytes. Details in a codec that only newer servers know are left out: what happened, and
    // whether the method ran, does not depend on them.
    match codec(header.codec) {
        Ok(codec) if !details.is_empty() => Ok(failure.with_details(Payload::new(codec, details))),
        _ => Ok(failure),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rpc_core::{Codec, Version};

    use super::*;

    fn round_trip(failure: &Failure) -> Failure {
        let body = encode(MessageId::from_bits(1), failure).join();
        let prefix::Parts { header, payload, .. } = prefix::split(&body).unwrap();
        decode(header, payload, &DecodeLimits::new()).unwrap()
    }

    fn said(fields: &[(&str, &str)]) -> Failure {
        let fields: BTreeMap<_, _> = fields.iter().copied().collect();
        let header = Codec::MessagePack.encode(&fields).unwrap();
        decode(&header, Bytes::from_static(b"x"), &DecodeLimits::new()).unwrap()
    }

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
                let received = round_trip(&sent);
                assert_eq!(format!("{received:?}"), format!("{sent:?}"));
                assert_eq!(received.details(), sent.details());
            }
            let bare = Failure::new(kind, "Broke", "");
            assert_eq!(format!("{:?}", round_trip(&bare)), format!("{bare:?}"));
        }
    }

    #[test]
    fn details_in_a_codec_that_only_newer_servers_know_are_dropped_and_the_failure_is_kept() {
        let failure = said(&[
            ("kind", "expected"),
            ("class", "Broke"),
            ("text", "30 cents short"),
            ("codec", "cbor"),
        ]);
        assert_eq!((failure.kind(), failure.class()), (FailureKind::Expected, "Broke"));
        assert_eq!(failure.message(), "30 cents short");
        assert_eq!(failure.details(), None);
    }

    #[test]
    fn a_kind_that_only_newer_servers_know_leaves_open_whether_the_method_ran() {
        let failure = said(&[("kind", "rate_limited"), ("class", "A"), ("text", "m")]);
        assert_eq!((failure.kind(), failure.class()), (FailureKind::Unrecognized, "A"));
        assert_eq!(failure.ran(), Ran::Unknown);
        assert_eq!(said(&[]).ran(), Ran::Unknown);
    }

    #[test]
    fn whether_the_method_ran_is_what_the_server_said() {
        for &kind in FailureKind::ALL {
            assert_eq!(said(&[("kind", kind.as_str())]).ran(), kind.ran());
            for ran in [Ran::No, Ran::Yes, Ran::Unknown] {
                let sent = Failure::new(kind, "A", "m").with_ran(ran);
                assert_eq!(round_trip(&sent).ran(), ran, "{kind}");
            }
        }
        for (kind, word, ran) in
            [("rate_limited", "no", Ran::No), ("denied", "partly", Ran::Unknown)]
        {
            assert_eq!(said(&[("kind", kind), ("ran", word)]).ran(), ran, "{kind} {word}");
        }
    }
}
