//! The native form: MessagePack, with arguments and results as the bytes they are.
//!
//! | `type` | body |
//! |---|---|
//! | `rpc.call`, `rpc.cast` | 4 bytes: the length of the head; the head; the arguments |
//! | `rpc.result` | the result |
//! | `rpc.failure` | a failure |
//! | `rpc.alive`, `rpc.taken`, `rpc.cancel` | nothing |
//!
//! Heads and failures are maps with short names, so that fields can be added and left out. `content-type` says what
//! arguments or the result are encoded in; `reply-to`, `correlation-id` and `expiration` are used as AMQP means them.

use std::borrow::Cow;

use rpc_core::{
    Codec, ContextEntries, DecodeLimits, Failure, FailureKind, Map, MessageId, Payload, Request,
    TraceContext, Value, Version,
};
use serde::{Deserialize, Serialize};

pub(crate) const MESSAGE_PACK: &str = "application/msgpack";
pub(crate) const JSON: &str = "application/json";

/// What there is to say of a request besides its arguments.
#[derive(Serialize, Deserialize)]
struct Head<'a> {
    #[serde(rename = "i")]
    id: (u64, u64),
    #[serde(rename = "m", borrow)]
    method: Cow<'a, str>,
    #[serde(rename = "n", borrow, default, skip_serializing_if = "Option::is_none")]
    namespace: Option<Cow<'a, str>>,
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    version: Option<(u32, u32, u32)>,
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

#[derive(Serialize, Deserialize)]
struct FailureBody<'a> {
    #[serde(rename = "k", borrow)]
    kind: Cow<'a, str>,
    #[serde(rename = "c", borrow)]
    class: Cow<'a, str>,
    #[serde(rename = "m", borrow, default, skip_serializing_if = "Option::is_none")]
    module: Option<Cow<'a, str>>,
    #[serde(rename = "t", borrow)]
    text: Cow<'a, str>,
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    details: Option<Details>,
    #[serde(rename = "s", default, skip_serializing_if = "Vec::is_empty")]
    served: Vec<(u32, u32, u32)>,
    #[serde(rename = "r", default, skip_serializing_if = "Vec::is_empty")]
    trace: Vec<String>,
}

/// An error's own value, and whether it is JSON.
#[derive(Serialize, Deserialize)]
struct Details(bool, #[serde(with = "bytes")] Vec<u8>);

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

fn numbers(version: Version) -> (u32, u32, u32) {
    (version.major, version.minor, version.revision)
}

fn version((major, minor, revision): (u32, u32, u32)) -> Version {
    Version::new(major, minor).with_revision(revision)
}

/// The codec that a `content-type` names.
pub(crate) fn codec(content_type: &str) -> Codec {
    if content_type == JSON { Codec::Json } else { Codec::MessagePack }
}

pub(crate) fn content_type(codec: Codec) -> &'static str {
    match codec {
        Codec::Json => JSON,
        Codec::MessagePack => MESSAGE_PACK,
    }
}

/// The body of a call or cast.
pub(crate) fn encode_request(request: &Request) -> Result<Vec<u8>, String> {
    let bits = request.id.to_bits();
    let trace = request.trace.as_ref();
    let head = Head {
        id: ((bits >> 64) as u64, bits as u64),
        method: Cow::Borrowed(&request.method),
        namespace: request.namespace.as_deref().map(Cow::Borrowed),
        version: (request.version != Version::V1_0).then(|| numbers(request.version)),
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
    let head = Codec::MessagePack.encode(&head).map_err(|error| error.to_string())?;
    let length = u32::try_from(head.len()).map_err(|_| "the context is too large".to_owned())?;
    let mut body = Vec::with_capacity(4 + head.len() + request.args.len());
    body.extend_from_slice(&length.to_be_bytes());
    body.extend_from_slice(&head);
    body.extend_from_slice(request.args.bytes());
    Ok(body)
}

/// The request in the body of a call or cast.
pub(crate) fn read_request(
    body: &[u8],
    codec: Codec,
    limits: &DecodeLimits,
) -> Result<Request, String> {
    let cut_short = || "the message is cut short".to_owned();
    let (length, rest) = body.split_first_chunk::<4>().ok_or_else(cut_short)?;
    let length = u32::from_be_bytes(*length) as usize;
    let (head, args) = rest.split_at_checked(length).ok_or_else(cut_short)?;
    let head: Head<'_> = Codec::MessagePack
        .decode(head, limits)
        .map_err(|error| format!("the head of the message: {error}"))?;
    let id = MessageId::from_bits(u128::from(head.id.0) << 64 | u128::from(head.id.1));
    let args = Payload::new(codec, args.to_vec());
    let mut request = Request::new(id, head.method.into_owned(), args);
    request.namespace = head.namespace.map(|namespace| Cow::Owned(namespace.into_owned()));
    request.version = head.version.map_or(Version::V1_0, version);
    request.entries = match head.context {
        None => ContextEntries::default(),
        Some(Value::Map(map)) => map.into_iter().collect(),
        Some(_) => return Err("the context is no map".to_owned()),
    };
    // A trace that cannot be read is no reason not to run.
    let trace = head.traceparent.and_then(|text| text.parse::<TraceContext>().ok());
    request.trace = trace.map(|trace| match head.tracestate {
        Some(state) => Box::new(trace.with_trace_state(&*state)),
        None => Box::new(trace),
    });
    request.monitor = head.monitor.map(std::time::Duration::from_millis);
    Ok(request)
}

pub(crate) fn encode_failure(failure: &Failure) -> Vec<u8> {
    let body = FailureBody {
        kind: Cow::Borrowed(failure.kind().as_str()),
        class: Cow::Borrowed(failure.class()),
        module: failure.module().map(Cow::Borrowed),
        text: Cow::Borrowed(failure.message()),
        details: failure
            .details()
            .map(|details| Details(details.codec() == Codec::Json, details.bytes().to_vec())),
        served: failure.supported_versions().iter().copied().map(numbers).collect(),
        trace: failure.causes().to_vec(),
    };
    // Texts and numbers: there is nothing in it that MessagePack cannot hold.
    Codec::MessagePack.encode(&body).unwrap_or_default()
}

pub(crate) fn read_failure(body: &[u8], limits: &DecodeLimits) -> Result<Failure, String> {
    let body: FailureBody<'_> = Codec::MessagePack
        .decode(body, limits)
        .map_err(|error| format!("the failure in it: {error}"))?;
    let kind = body.kind.parse().unwrap_or(FailureKind::Unrecognized);
    let failure = Failure::new(kind, body.class.into_owned(), body.text.into_owned())
        .with_module(body.module.map(Cow::into_owned))
        .with_supported_versions(body.served.into_iter().map(version).collect())
        .with_causes(body.trace);
    Ok(match body.details {
        Some(Details(json, bytes)) => {
            let codec = if json { Codec::Json } else { Codec::MessagePack };
            failure.with_details(Payload::new(codec, bytes))
        }
        None => failure,
    })
}
