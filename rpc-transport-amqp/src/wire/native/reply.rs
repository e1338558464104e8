//! Replies, and what else arrives in a reply queue.

use rpc_amqp::Properties;
use rpc_core::error::Ran;
use rpc_core::{Bytes, DecodeLimits, MessageId, Outcome, Payload};

use super::header::{self, ResultHeader, codec, codec_word};
use super::kind::Kind;
use super::notice::addressed;
use super::prefix::Parts;
use super::{failure, prefix, reject_compressed};
use crate::wire::body::Body;
use crate::wire::properties::{build, text};
use crate::wire::{Acceptance, CallId, Inbound, Message, NATIVE, Reply, ReplyTo, Undecodable};

pub(super) fn encode(to: &ReplyTo, outcome: Outcome) -> Message {
    let body = match outcome {
        Ok(result) => encode_result(to.message_id, result),
        Err(failure) => failure::encode(to.message_id, &failure),
    };
    (build(&addressed(to)), body)
}

fn encode_result(id: MessageId, result: Payload) -> Body {
    let header = ResultHeader { codec: codec_word(result.codec()) };
    // A word always fits into a header.
    let head = prefix::head(Kind::Result, id, &header)
        .unwrap_or_else(|_| prefix::bare_head(Kind::Result, id));
    Body::new(head, result.into_bytes())
}

pub(super) fn decode(properties: &Properties, body: &Bytes, limits: &DecodeLimits) -> Inbound {
    // An id that is not UTF-8 is none of ours.
    let call_id = text("correlation-id", properties.correlation_id()).unwrap_or_default();
    let kind = prefix::kind(body);
    let parts = reject_compressed(properties).and_then(|()| prefix::split(body));
    let Parts { id: message_id, header, payload } = match parts {
        Ok(parts) => parts,
        // It fails the call only if it would have ended it.
        Err(reason) => {
            let ends_call = matches!(kind, None | Some(Kind::Result | Kind::Failure));
            let call = ends_call.then(|| CallId::parse(call_id)).flatten();
            return Inbound::Reply(call, Err(Undecodable::new(reason)));
        }
    };
    let reply = match kind {
        Some(Kind::Result) => decode_result(header, payload, limits),
        Some(Kind::Failure) => failure::decode(header, payload, limits)
            .map(|failure| Reply::Final(Err(failure)))
            .map_err(Undecodable::new),
        Some(Kind::Running) => Ok(Reply::StillRunning),
        Some(notice @ (Kind::Accepted | Kind::Cancel)) => {
            let queue = match text("reply-to", properties.reply_to()) {
                Ok(queue) => queue.into(),
                // The call goes on, whatever the notice says.
                Err(reason) => return Inbound::Reply(None, Err(Undecodable::new(reason))),
            };
            if notice == Kind::Cancel {
                let call_id = call_id.into();
                return Inbound::Cancel(ReplyTo { dialect: NATIVE, queue, call_id, message_id });
            }
            Ok(Reply::Accepted(Acceptance { queue, message_id }))
        }
        // A newer peer may send it beside the reply, so the call goes on.
        Some(kind @ (Kind::Call | Kind::Cast | Kind::Unknown(_))) => {
            let reason = format!("unexpected kind of message in a reply queue: {kind}");
            return Inbound::Reply(None, Err(Undecodable::new(reason)));
        }
        None => Err(Undecodable::new("the message is cut short".to_owned())),
    };
    Inbound::Reply(CallId::parse(call_id), reply)
}

fn decode_result(
    header: &[u8],
    result: Bytes,
    limits: &DecodeLimits,
) -> Result<Reply, Undecodable> {
    header::decode(header, limits)
        .and_then(|header: ResultHeader<'_>| codec(header.codec))
        .map(|codec| Reply::Final(Ok(Payload::new(codec, result))))
        // There is a result, so the method returned.
        .map_err(|reason| Undecodable { reason, ran: Ran::Yes })
}

#[cfg(test)]
mod tests {
    use rpc_core::{Codec, Failure, FailureKind};

    use super::*;
    use crate::wire::properties::with_compression;

    fn to() -> ReplyTo {
        let (queue, call_id) = ("q".into(), "0".repeat(32).into());
        ReplyTo { dialect: NATIVE, queue, call_id, message_id: MessageId::from_bits(7) }
    }

    /// Decodes a body as a reply to the call.
    fn inbound(body: &Bytes) -> Inbound {
        decode(&build(&addressed(&to())), body, &DecodeLimits::new())
    }

    fn result_in(codec: &str) -> Bytes {
        let header = ResultHeader { codec: Some(codec) };
        let head = prefix::head(Kind::Result, MessageId::from_bits(7), &header).unwrap();
        Body::new(head, Bytes::from_static(b"7")).join()
    }

    #[test]
    fn a_result_comes_back_in_its_codec() {
        for codec in [Codec::MessagePack, Codec::Json] {
            let sent = Payload::new(codec, codec.encode(&7).unwrap());
            let (properties, body) = encode(&to(), Ok(sent.clone()));
            let body = body.join();
            assert_eq!(prefix::message_id(&body), Some(MessageId::from_bits(7)));
            let inbound = decode(&properties, &body, &DecodeLimits::new());
            let Inbound::Reply(Some(_), Ok(Reply::Final(Ok(received)))) = inbound else {
                panic!("{inbound:?}");
            };
            assert_eq!(received, sent);
        }
    }

    #[test]
    fn a_native_result_that_is_said_to_be_compressed_fails_its_call() {
        let (properties, body) = encode(&to(), Ok(Payload::new(Codec::Json, b"7".to_vec())));
        let properties = with_compression(&properties, "gzip");
        let inbound = decode(&properties, &body.join(), &DecodeLimits::new());
        let Inbound::Reply(Some(_), Err(error)) = inbound else { panic!("{inbound:?}") };
        assert!(error.reason.contains("compressed as `gzip`"), "{}", error.reason);
    }

    #[test]
    fn a_result_in_an_unknown_codec_fails_its_call_which_ran() {
        let inbound = inbound(&result_in("cbor"));
        let Inbound::Reply(Some(_), Err(error)) = inbound else { panic!("{inbound:?}") };
        assert_eq!((&*error.reason, error.ran), ("unsupported codec \"cbor\"", Ran::Yes));
    }

    #[test]
    fn a_kind_that_only_newer_peers_know_concerns_no_call() {
        for kind in [0, 8, 9, 255] {
            let head = prefix::bare_head(Kind::from_byte(kind), MessageId::from_bits(7));
            let inbound = inbound(&head.into());
            let Inbound::Reply(None, Err(error)) = &inbound else { panic!("{inbound:?}") };
            assert!(error.reason.ends_with(&format!("unknown kind {kind}")), "{}", error.reason);
        }
    }

    #[test]
    fn a_reply_of_another_format_version_fails_its_call_by_name_and_a_notice_does_not() {
        let failure = failure::encode(
            MessageId::from_bits(7),
            &Failure::new(FailureKind::Error, "Broke", "30 cents short"),
        );
        let running = prefix::bare_head(Kind::Running, MessageId::from_bits(7)).into();
        for (body, fails) in [(result_in("json"), true), (failure.join(), true), (running, false)] {
            let mut newer = body.to_vec();
            newer[1] = 2;
            let inbound = inbound(&newer.into());
            let Inbound::Reply(call, Err(error)) = inbound else { panic!("{inbound:?}") };
            assert_eq!(call.is_some(), fails);
            assert_eq!(
                error.reason,
                "the message has format version 2, and this program reads version 1"
            );
        }
    }

    #[test]
    fn corrupted_replies_are_decoded_without_panic() {
        let failure = Failure::new(FailureKind::Expected, "Broke", "é")
            .with_causes(vec!["why".to_owned()])
            .with_details(Payload::new(Codec::Json, b"{}".to_vec()));
        let body = failure::encode(MessageId::from_bits(7), &failure).join();
        for at in 0..body.len() {
            inbound(&body.slice(..at));
            for byte in [0, 0x7f, 0x81, 0x93, 0xa1, 0xc1, 0xc7, 0xdf, 0xff] {
                let mut wrong = body.to_vec();
                wrong[at] = byte;
                inbound(&wrong.into());
            }
        }
    }
}
