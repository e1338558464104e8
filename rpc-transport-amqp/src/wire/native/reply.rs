//! Replies, and what else arrives in a reply queue.

use lapin::BasicProperties;
use rpc_core::{Bytes, DecodeLimits, Outcome, Payload};

use super::notice::addressed;
use super::{codec, content_type, failure, message_type};
use crate::wire::properties::{MESSAGE_PACK, text};
use crate::wire::{CallId, Inbound, Message, NATIVE, Reply, ReplyTo};

pub(super) fn encode(to: &ReplyTo, outcome: Outcome) -> Message {
    let (message_type, content_type, body) = match outcome {
        Ok(payload) => (message_type::RESULT, content_type(payload.codec()), payload.into_bytes()),
        Err(failure) => (message_type::FAILURE, MESSAGE_PACK, failure::encode(&failure)),
    };
    (addressed(to, message_type).with_content_type(content_type.into()), body)
}

pub(super) fn decode(properties: &BasicProperties, body: Bytes, limits: &DecodeLimits) -> Inbound {
    let call_id = text(properties.correlation_id());
    let reply = match message_type::of(properties) {
        message_type::RESULT => codec(text(properties.content_type()))
            .map(|codec| Reply::Final(Ok(Payload::new(codec, body)))),
        message_type::FAILURE => {
            failure::decode(&body, limits).map(|failure| Reply::Final(Err(failure)))
        }
        message_type::RUNNING => Ok(Reply::StillRunning),
        message_type::ACCEPTED => Ok(Reply::Accepted(text(properties.reply_to()).into())),
        message_type::CANCEL => {
            let queue = text(properties.reply_to()).into();
            return Inbound::Cancel(ReplyTo { dialect: NATIVE, queue, call_id: call_id.into() });
        }
        // A newer peer may send it beside the reply, so the call goes on.
        other => return Inbound::Reply(None, Err(format!("unexpected message type {other:?}"))),
    };
    Inbound::Reply(CallId::parse(call_id), reply)
}

#[cfg(test)]
mod tests {
    use rpc_core::Codec;

    use super::*;

    fn to() -> ReplyTo {
        ReplyTo { dialect: NATIVE, queue: "q".into(), call_id: "0".repeat(32).into() }
    }

    #[test]
    fn a_result_comes_back_in_its_codec() {
        for codec in [Codec::MessagePack, Codec::Json] {
            let sent = Payload::new(codec, codec.encode(&7).unwrap());
            let (properties, body) = encode(&to(), Ok(sent.clone()));
            let inbound = decode(&properties, body, &DecodeLimits::new());
            let Inbound::Reply(Some(_), Ok(Reply::Final(Ok(received)))) = inbound else {
                panic!("{inbound:?}");
            };
            assert_eq!(received, sent);
        }
    }

    #[test]
    fn a_result_in_an_unknown_codec_fails_its_call() {
        let (properties, body) = encode(&to(), Ok(Payload::new(Codec::Json, b"7".to_vec())));
        let properties = properties.with_content_type("application/cbor".into());
        let inbound = decode(&properties, body, &DecodeLimits::new());
        let Inbound::Reply(Some(_), Err(reason)) = inbound else { panic!("{inbound:?}") };
        assert_eq!(reason, "unsupported content type \"application/cbor\"");
    }

    #[test]
    fn a_type_that_only_newer_peers_know_concerns_no_call() {
        let properties = addressed(&to(), "rpc.progress");
        let inbound = decode(&properties, Bytes::new(), &DecodeLimits::new());
        assert!(matches!(inbound, Inbound::Reply(None, Err(_))), "{inbound:?}");
    }
}
