//! Decoders of untrusted bytes, for fuzz targets and tests outside of this crate. They are not part of the public API.

use rpc_core::{Codec, DecodeLimits, Outcome, Request, Value};

use super::json_scan::{self, RawValue, SyntaxError};
use super::{compression, json_string, reply, request};
use crate::wire::Reply;
use crate::wire::request::CallFields;

/// Decodes the body of a request in oslo.messaging's dialect.
///
/// # Errors
///
/// Fails with the reason for which a server rejects the message.
pub fn decode_oslo_request(body: &[u8], max_bytes: usize) -> Result<Request, String> {
    request::decode(body, None, max_bytes)
        .map(|decoded| decoded.request)
        .map_err(|error| error.reason)
}

/// Encodes the body of a call in that dialect.
///
/// # Errors
///
/// Fails with the reason for which a client refuses the request.
pub fn encode_oslo_call(request: &Request) -> Result<Vec<u8>, String> {
    request::encode(request, Some(CallFields { id: "77bb", reply_queue: "reply_0d50" }))
}

/// Decodes the body of a reply in that dialect: the id of its call, and the outcome if there is one.
///
/// # Errors
///
/// Fails with the reason for which no call gets the reply.
pub fn decode_oslo_reply(
    body: &[u8],
    max_bytes: usize,
) -> Result<(String, Option<Outcome>), String> {
    let (call_id, reply) = reply::decode(body, None, max_bytes)?;
    let outcome = match reply {
        Reply::Final(outcome) | Reply::FirstPart(outcome) => Some(outcome),
        _ => None,
    };
    Ok((call_id, outcome))
}

/// Encodes the body of a final reply in that dialect.
#[must_use]
pub fn encode_oslo_reply(call_id: &str, outcome: &Outcome) -> Vec<u8> {
    reply::encode(call_id, outcome, None)
}

/// Decompresses a body. `name` is what kombu calls the compression; an unknown one leaves the body as it is.
///
/// # Errors
///
/// Fails with the reason for which the message is rejected.
pub fn plain_body(body: &[u8], name: &str, max_bytes: usize) -> Result<Vec<u8>, String> {
    compression::plain_body(body, Some(name), max_bytes)
        .map(Into::into)
        .map_err(|error| error.to_string())
}

/// Reads a JSON object as messages are read: the scanner splits so many levels, and the codec decodes what is below.
///
/// # Errors
///
/// Fails with the reason for which the object, or a value in it, is refused.
pub fn read_json_object(text: &str, levels: usize) -> Result<Value, String> {
    let member = |part: Result<(&str, RawValue<'_>), SyntaxError>| {
        let (name, raw) = part.map_err(|error| error.to_string())?;
        let name = json_string::unescape(name, None).map_err(|error| error.to_string())?;
        Ok((name.into_owned(), read_value(raw, levels - 1)?))
    };
    let entries: Result<Vec<_>, String> = json_scan::members(text).map(member).collect();
    Ok(Value::Map(entries?.into_iter().collect()))
}

fn read_value(raw: RawValue<'_>, levels: usize) -> Result<Value, String> {
    let text = raw.exact().map_err(|number| number.to_string())?;
    if levels > 0 && raw.is_object() {
        return read_json_object(text, levels);
    }
    if levels > 0 && raw.is_array() {
        let elements = json_scan::elements(text).map(|part| {
            let (_, raw) = part.map_err(|error| error.to_string())?;
            read_value(raw, levels - 1)
        });
        return elements.collect::<Result<Vec<_>, String>>().map(Value::Array);
    }
    if levels > 0 && text.starts_with('"') {
        let text = raw.string().map_err(|error| error.to_string())?;
        return Ok(Value::String(text.into_owned()));
    }
    let limits = DecodeLimits::new().max_bytes(text.len());
    Codec::Json.decode(text.as_bytes(), &limits).map_err(|error| error.to_string())
}
