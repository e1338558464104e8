//! Requests: a header, then the arguments.

use std::borrow::Cow;
use std::time::Duration;

use lapin::BasicProperties;
use rpc_core::{
    Bytes, Codec, ContextEntries, DecodeLimits, Map, MessageId, Payload, Request, TraceContext,
    Value, Version,
};
use serde::{Deserialize, Serialize};

use super::{VersionNumbers, codec, content_type, message_type, version, version_numbers};
use crate::wire::properties::text;
use crate::wire::request::CallFields;
use crate::wire::{DecodeError, Decoded, Message, NATIVE, ReplyTo};

/// All of a request but its arguments.
#[derive(Serialize, Deserialize)]
struct Header<'a> {
    #[serde(rename = "i")]
    id: (u64, u64),
    #[serde(rename = "m", borrow)]
    method: Cow<'a, str>,
    #[serde(rename = "n", borrow, default, skip_serializing_if = "Option::is_none")]
    namespace: Option<Cow<'a, str>>,
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    version: Option<VersionNumbers>,
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    context: Option<Value>,
    #[serde(rename = "t", borrow, default, skip_serializing_if = "Option::is_none")]
    traceparent: Option<Cow<'a, str>>,
    #[serde(rename = "s", borrow, default, skip_serializing_if = "Option::is_none")]
    tracestate: Option<Cow<'a, str>>,
    /// Milliseconds.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    monitor: Option<u64>,
}

pub(super) fn encode(
    properties: BasicProperties,
    request: &Request,
    call: Option<CallFields<'_>>,
) -> Result<Message, String> {
    let message_type = if call.is_some() { message_type::CALL } else { message_type::CAST };
    let mut properties = properties
        .with_type(message_type.into())
        .with_content_type(content_type(request.args.codec()).into());
    if let Some(call) = call {
        properties = properties.with_reply_to(call.reply_queue.into());
    }
    Ok((properties, encode_body(request)?))
}

fn encode_body(request: &Request) -> Result<Bytes, String> {
    let bits = request.id.to_bits();
    let trace = request.trace.as_ref();
    let header = Header {
        id: ((bits >> 64) as u64, bits as u64),
        method: Cow::Borrowed(&request.method),
        namespace: request.namespace.as_deref().map(Cow::Borrowed),
        version: (request.version != Version::V1_0).then(|| version_numbers(request.version)),
        context: (!request.entries.is_empty()).then(|| {
            let entries = request.entries.iter();
            Value::Map(Map::from_iter(entries.map(|(key, value)| (key, value.clone()))))
        }),
        traceparent: trace.map(|trace| Cow::Owned(trace.to_string())),
        tracestate: trace.and_then(|trace| trace.trace_state()).map(Cow::Borrowed),
        monitor: request
            .monitor
            .map(|period| u64::try_from(period.as_millis()).unwrap_or(u64::MAX)),
    };
    let header = Codec::MessagePack.encode(&header).map_err(|error| error.to_string())?;
    let length = u32::try_from(header.len()).map_err(|_| "the context is too large".to_owned())?;
    let mut body = Vec::with_capacity(4 + header.len() + request.args.len());
    body.extend_from_slice(&length.to_be_bytes());
    body.extend_from_slice(&header);
    body.extend_from_slice(request.args.bytes());
    Ok(body.into())
}

pub(super) fn decode(
    properties: &BasicProperties,
    body: &Bytes,
    limits: &DecodeLimits,
) -> Result<Decoded, DecodeError> {
    let message_type = message_type::of(properties);
    let queue = text(properties.reply_to());
    let reply_to = (message_type == message_type::CALL && !queue.is_empty()).then(|| ReplyTo {
        dialect: NATIVE,
        queue: queue.into(),
        call_id: text(properties.correlation_id()).into(),
    });
    let request = match message_type {
        message_type::CALL | message_type::CAST => codec(text(properties.content_type()))
            .and_then(|codec| decode_body(body, codec, limits)),
        other => Err(format!("unexpected message type {other:?}")),
    };
    match request {
        Ok(request) => Ok(Decoded { request, reply_to }),
        Err(reason) => Err(DecodeError { reason, reply_to }),
    }
}

fn decode_body(body: &Bytes, codec: Codec, limits: &DecodeLimits) -> Result<Request, String> {
    let cut_short = || "the message is cut short".to_owned();
    let (length, rest) = body.split_first_chunk::<4>().ok_or_else(cut_short)?;
    let length = u32::from_be_bytes(*length) as usize;
    let (header, args) = rest.split_at_checked(length).ok_or_else(cut_short)?;
    let header: Header<'_> = Codec::MessagePack
        .decode(header, limits)
        .map_err(|error| format!("the header of the message: {error}"))?;
    let id = MessageId::from_bits(u128::from(header.id.0) << 64 | u128::from(header.id.1));
    let args = Payload::new(codec, body.slice_ref(args));
    let mut request = Request::new(id, header.method.into_owned(), args);
    request.namespace = header.namespace.map(|namespace| Cow::Owned(namespace.into_owned()));
    request.version = header.version.map_or(Version::V1_0, version);
    request.entries = match header.context {
        None => ContextEntries::default(),
        Some(Value::Map(map)) => map.into_iter().collect(),
        Some(_) => return Err("the context is not a map".to_owned()),
    };
    // A request whose trace context is invalid is still executed.
    let trace = header.traceparent.and_then(|text| text.parse::<TraceContext>().ok());
    request.trace = trace.map(|trace| match header.tracestate {
        Some(state) => Box::new(trace.with_trace_state(&*state)),
        None => Box::new(trace),
    });
    request.monitor = header.monitor.map(Duration::from_millis);
    Ok(request)
}
