//! Requests: a header, then the arguments.

use std::borrow::Cow;
use std::time::Duration;

use rpc_amqp::{Properties, PropertiesBuilder};
use rpc_core::{
    Bytes, ContextEntries, DecodeLimits, Map, MessageId, Payload, Request, TraceContext, Value,
    Version,
};

use super::header::{self, RequestHeader, codec, codec_word, version, version_numbers};
use super::kind::Kind;
use super::prefix::{self, Parts};
use super::reject_compressed;
use crate::wire::body::Body;
use crate::wire::properties::text;
use crate::wire::request::CallFields;
use crate::wire::{DecodeError, Decoded, Message, NATIVE, ReplyTo, name_limits};

pub(super) fn encode<'a>(
    mut properties: PropertiesBuilder<'a>,
    request: &Request,
    call: Option<CallFields<'a>>,
) -> Result<Message, String> {
    let kind = if call.is_some() { Kind::Call } else { Kind::Cast };
    if let Some(call) = call {
        properties = properties.reply_to(call.reply_queue);
    }
    let traceparent = request.trace.as_ref().map(ToString::to_string);
    let header = RequestHeader {
        method: Some(&request.method),
        namespace: request.namespace.as_deref(),
        version: (request.version != Version::V1_0).then(|| version_numbers(request.version)),
        context: (!request.entries.is_empty()).then(|| {
            let entries = request.entries.iter();
            Value::Map(Map::from_iter(entries.map(|(key, value)| (key, value.clone()))))
        }),
        traceparent: traceparent.as_deref(),
        tracestate: request.trace.as_ref().and_then(|trace| trace.trace_state()),
        monitor: request
            .monitor
            .map(|period| u64::try_from(period.as_millis()).unwrap_or(u64::MAX)),
        codec: codec_word(request.args.codec()),
    };
    let head = prefix::head(kind, request.id, &header)?;
    let properties = properties.build().map_err(|error| error.to_string())?;
    Ok((properties, Body::new(head, request.args.bytes().clone())))
}

pub(super) fn decode(
    properties: &Properties,
    body: &Bytes,
    limits: &DecodeLimits,
) -> Result<Decoded, Box<DecodeError>> {
    let kind = prefix::kind(body);
    let message_id = prefix::message_id(body);
    let reply_to = match reply_to(properties, kind, message_id) {
        Ok(reply_to) => reply_to,
        Err(reason) => return Err(Box::new(DecodeError { reason, message_id, reply_to: None })),
    };
    let request = || match kind {
        Some(Kind::Call | Kind::Cast) => {
            prefix::split(body).and_then(|parts| request(parts, limits))
        }
        Some(kind) => Err(format!("unexpected kind of message in a server's queue: {kind}")),
        None => Err("the message is cut short".to_owned()),
    };
    match reject_compressed(properties).and_then(|()| request()) {
        Ok(request) => Ok(Decoded { request, reply_to }),
        Err(reason) => Err(Box::new(DecodeError { reason, message_id, reply_to })),
    }
}

/// Returns where the reply to a call goes whose body is not there.
pub(in crate::wire) fn reply_to_of(properties: &Properties) -> Option<ReplyTo> {
    let reply_to = reply_to(properties, None, None).ok().flatten()?;
    (!name_limits::is_reserved(&reply_to.queue)).then_some(reply_to)
}

/// Returns where the reply goes. A message that cannot be read may still be a call.
///
/// # Errors
///
/// Fails if the caller cannot be told, as a property that names it is not UTF-8, with the reason.
fn reply_to(
    properties: &Properties,
    kind: Option<Kind>,
    message_id: Option<MessageId>,
) -> Result<Option<ReplyTo>, String> {
    let may_be_call = matches!(kind, Some(Kind::Call | Kind::Unknown(_)) | None);
    let queue = text("reply-to", properties.reply_to())?;
    if !may_be_call || queue.is_empty() {
        return Ok(None);
    }
    Ok(Some(ReplyTo {
        dialect: NATIVE,
        queue: queue.into(),
        call_id: text("correlation-id", properties.correlation_id())?.into(),
        message_id: message_id.unwrap_or(MessageId::from_bits(0)),
    }))
}

fn request(
    Parts { id, header, payload }: Parts<'_>,
    limits: &DecodeLimits,
) -> Result<Request, String> {
    let header: RequestHeader<'_> = header::decode(header, limits)?;
    let method = header.method.ok_or("the header of the message has no method (`m`)")?;
    let args = Payload::new(codec(header.codec)?, payload);
    let mut request = Request::new(id, method.to_owned(), args);
    request.namespace = header.namespace.map(|namespace| Cow::Owned(namespace.to_owned()));
    request.version = header.version.map_or(Version::V1_0, version);
    request.entries = match header.context {
        None => ContextEntries::default(),
        Some(Value::Map(map)) => map.into_iter().collect(),
        Some(_) => return Err("the context is not a map".to_owned()),
    };
    // A request whose trace context is invalid is still executed.
    let trace = header.traceparent.and_then(|text| text.parse::<TraceContext>().ok());
    request.trace = trace.map(|trace| match header.tracestate {
        Some(state) => Box::new(trace.with_trace_state(state)),
        None => Box::new(trace),
    });
    request.monitor = header.monitor.map(Duration::from_millis);
    Ok(request)
}

#[cfg(test)]
mod tests {
    use rpc_core::Codec;

    use super::*;
    use crate::wire::properties::with_compression;

    const ID: MessageId = MessageId::from_bits(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10);

    fn sent() -> Request {
        let mut request = Request::new(ID, "pay", Payload::new(Codec::Json, b"{}".to_vec()));
        request.namespace = Some("bank".into());
        request.version = Version::new(2, 1).with_revision(3);
        request.entries = [("user".to_owned(), Value::from("ada"))].into_iter().collect();
        request.monitor = Some(Duration::from_millis(1500));
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let trace: TraceContext = trace.parse().unwrap();
        request.trace = Some(Box::new(trace.with_trace_state("vendor=1")));
        request
    }

    fn encoded(request: &Request) -> (Properties, Bytes) {
        let call = CallFields { id: "1", reply_queue: "replies" };
        let (properties, body) = encode(PropertiesBuilder::new(), request, Some(call)).unwrap();
        (properties, body.join())
    }

    fn decoded(properties: &Properties, body: Vec<u8>) -> Result<Decoded, Box<DecodeError>> {
        decode(properties, &body.into(), &DecodeLimits::new())
    }

    #[test]
    fn a_request_comes_back_as_it_was() {
        let sent = sent();
        let (properties, body) = encoded(&sent);
        let received = decode(&properties, &body, &DecodeLimits::new()).unwrap().request;
        assert_eq!((received.id, &received.method), (sent.id, &sent.method));
        assert_eq!((&received.namespace, received.version), (&sent.namespace, sent.version));
        assert_eq!((&received.entries, &received.trace), (&sent.entries, &sent.trace));
        assert_eq!((&received.args, received.monitor), (&sent.args, sent.monitor));
    }

    #[test]
    fn a_native_request_that_is_said_to_be_compressed_is_rejected_and_its_caller_told() {
        let (properties, body) = encoded(&sent());
        for name in ["application/x-bz2", "rot13"] {
            let properties = with_compression(&properties, name);
            let error = decode(&properties, &body, &DecodeLimits::new()).unwrap_err();
            assert_eq!(
                error.reason,
                format!(
                    "the body is said to be compressed as `{name}`, and native messages never are"
                )
            );
            assert_eq!(&*error.reply_to.expect("a call").queue, "replies");
        }
    }

    #[test]
    fn the_id_of_a_message_is_known_whatever_its_header_is() {
        let (properties, mut body) = encoded(&sent());
        assert_eq!(prefix::message_id(&body), Some(ID));
        for header in [&b"\x93"[..], b"\x81\xa1m\x07", b"\x81\xa1n\xa1x"] {
            let mut broken = body.split_to(20).to_vec();
            body = [broken.clone(), body.to_vec()].concat().into();
            broken.extend_from_slice(&u32::try_from(header.len()).unwrap().to_be_bytes());
            broken.extend_from_slice(header);
            let error = decoded(&properties, broken).unwrap_err();
            assert_eq!(error.message_id, Some(ID), "{}", error.reason);
            assert_eq!(error.reply_to.unwrap().message_id, ID);
        }
    }

    #[test]
    fn the_caller_of_a_request_that_cannot_be_read_is_told_why() {
        let (properties, body) = encoded(&sent());
        let with = |at: usize, byte: u8| {
            let mut body = body.to_vec();
            body[at] = byte;
            let error = decoded(&properties, body).unwrap_err();
            assert_eq!(&*error.reply_to.expect("a call").queue, "replies", "{}", error.reason);
            error.reason
        };
        assert_eq!(
            with(1, 2),
            "the message has format version 2, and this program reads version 1"
        );
        assert_eq!(with(2, 99), "unexpected kind of message in a server's queue: unknown kind 99");
        assert!(with(20, 0xff).starts_with("the message is cut short: it takes "));
        assert_eq!(
            decoded(&properties, vec![0xc1]).unwrap_err().reply_to.unwrap().queue,
            "replies".into()
        );
    }

    #[test]
    fn a_notice_that_strays_into_a_servers_queue_gets_no_reply() {
        let (properties, body) = encoded(&sent());
        for kind in [Kind::Cast, Kind::Result, Kind::Failure, Kind::Accepted, Kind::Cancel] {
            let mut body = body.to_vec();
            body[2] = kind.to_byte();
            let reply_to = match decoded(&properties, body) {
                Ok(decoded) => decoded.reply_to,
                Err(error) => error.reply_to,
            };
            assert_eq!(reply_to, None, "{kind}");
        }
    }

    #[test]
    fn only_requests_have_an_id_by_which_copies_are_recognised() {
        let (_, body) = encoded(&sent());
        for byte in 0..=10 {
            let mut body = body.to_vec();
            body[2] = byte;
            let id = crate::wire::message_id(&Properties::default(), &body);
            assert_eq!(id.is_some(), matches!(Kind::from_byte(byte), Kind::Call | Kind::Cast));
        }
    }

    #[test]
    fn the_codec_of_the_arguments_is_named_unless_it_is_message_pack() {
        let mut request = sent();
        request.args = Payload::new(Codec::MessagePack, vec![0x80]);
        let (properties, body) = encoded(&request);
        assert!(!body.windows(5).any(|word| word == b"codec"));
        let received = decode(&properties, &body, &DecodeLimits::new()).unwrap().request;
        assert_eq!(received.args, request.args);
        let (properties, body) = encoded(&sent());
        let at = body.windows(4).position(|word| word == b"json").unwrap();
        let mut body = body.to_vec();
        body[at..at + 4].copy_from_slice(b"cbor");
        assert_eq!(decoded(&properties, body).unwrap_err().reason, "unsupported codec \"cbor\"");
    }

    #[test]
    fn corrupted_requests_are_decoded_without_panic() {
        let (properties, body) = encoded(&sent());
        for at in 0..body.len() {
            let _ = decoded(&properties, body[..at].to_vec());
            for byte in [0, 0x7f, 0x81, 0x93, 0xa1, 0xc1, 0xc7, 0xdf, 0xff] {
                let mut wrong = body.to_vec();
                wrong[at] = byte;
                let _ = decoded(&properties, wrong);
            }
        }
    }
}
