//! Replies.

use std::convert::Infallible;

use rpc_core::{Codec, Failure, FailureKind, Outcome, Payload};

use super::failure::{self, About};
use super::json_scan::{RawValue, members};
use super::json_string::{write_escaped, write_nested_string};
use super::payload::json_of;
use super::{envelope, id, python_exception};
use crate::wire::Reply;

/// Encodes the body of the final reply. `about` is what was requested, if that could be decoded: the messages of Python's
/// dispatcher repeat it.
///
/// A result that cannot be converted to JSON becomes a failure.
pub(super) fn encode(msg_id: &str, outcome: &Outcome, about: Option<About<'_>>) -> Vec<u8> {
    match outcome.as_ref().map(json_of) {
        Ok(Ok(json)) => encode_members(msg_id, json.trim_ascii(), None, true),
        Ok(Err(reason)) => {
            let message =
                format!("the method succeeded, but its result cannot be encoded as JSON: {reason}");
            let kind = FailureKind::UnencodableResult;
            let failure = Failure::new(kind, "UnencodableResult", message);
            encode_members(msg_id, "null", Some(&failure::json(&failure, about)), true)
        }
        Err(failure) => encode_members(msg_id, "null", Some(&failure::json(failure, about)), true),
    }
}

/// Encodes the body that tells a monitored call that its method still runs.
pub(super) fn encode_still_running(msg_id: &str) -> Vec<u8> {
    encode_members(msg_id, "null", None, false)
}

/// Writes all five members, always: Python clients need each of them.
fn encode_members(msg_id: &str, result: &str, failure: Option<&str>, ending: bool) -> Vec<u8> {
    let size = result.len() + result.len() / 4 + 2 * failure.map_or(0, str::len) + 256;
    let Ok(body) = envelope::wrap::<Infallible>(size, |out| {
        out.push_str(r#"{\"result\": "#);
        write_escaped(out, result);
        out.push_str(r#", \"failure\": "#);
        match failure {
            Some(failure) => write_nested_string(out, failure),
            None => out.push_str("null"),
        }
        out.push_str(r#", \"ending\": "#);
        out.push_str(if ending { "true" } else { "false" });
        out.push_str(r#", \"_msg_id\": "#);
        write_nested_string(out, msg_id);
        out.push_str(r#", \"_unique_id\": "#);
        write_nested_string(out, &id::unique().to_string());
        out.push('}');
        Ok(())
    });
    body
}

/// Decodes the body of a reply: the `_msg_id` of its call, and what it says.
///
/// # Errors
///
/// Fails if the call that the reply belongs to cannot be determined, with the reason.
pub(super) fn decode(
    body: &[u8],
    compression: Option<&str>,
    max_bytes: usize,
) -> Result<(String, Reply), String> {
    let message = envelope::unwrap_body(body, compression, max_bytes)?;
    let (mut result, mut failure, mut ending, mut msg_id) = (None, None, None, None);
    for part in members(&message) {
        let (name, raw) =
            part.map_err(|error| format!("the reply is not a JSON object: {error}"))?;
        match name {
            r#""result""# => result = Some(raw),
            r#""failure""# => failure = Some(raw),
            r#""ending""# => ending = Some(raw),
            r#""_msg_id""# => msg_id = Some(raw),
            _ => {}
        }
    }
    let msg_id = msg_id.ok_or("the reply has no `_msg_id`")?;
    let msg_id = msg_id.string().map_err(|reason| format!("`_msg_id`: {reason}"))?.into_owned();
    let outcome = match failure.and_then(python_exception::decode) {
        Some(failure) => Some(Err(failure)),
        None => result.filter(|raw| !raw.is_null()).map(decode_result),
    };
    let is_over = ending.is_some_and(|ending| ending.text == "true");
    let reply = match (is_over, outcome) {
        (true, Some(outcome)) => Reply::Final(outcome),
        (true, None) => Reply::End,
        (false, Some(outcome)) => Reply::FirstPart(outcome),
        (false, None) => Reply::StillRunning,
    };
    Ok((msg_id, reply))
}

fn decode_result(result: RawValue<'_>) -> Outcome {
    match result.exact() {
        Ok(json) => Ok(Payload::new(Codec::Json, json.to_owned())),
        Err(number) => {
            let message =
                format!("the method succeeded, but its result cannot be decoded: {number}");
            Err(Failure::new(FailureKind::UnencodableResult, "UndecodableResult", message))
        }
    }
}
