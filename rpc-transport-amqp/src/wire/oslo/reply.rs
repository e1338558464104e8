//! Replies and signs of life.

use std::convert::Infallible;

use rpc_core::{Codec, Failure, FailureKind, Outcome, Payload};

use super::failure::{self, About};
use super::payload::json_of;
use super::split::{Raw, members};
use super::text::{escape, put_inner_string};
use super::{envelope, id, their_failure};

/// A reply, or a part of one, to the call that had this `_msg_id`.
#[derive(Debug)]
pub(crate) struct ReadReply {
    pub(crate) msg_id: String,
    pub(crate) content: Content,
}

/// What a reply says.
#[derive(Debug)]
pub(crate) enum Content {
    /// The method still runs.
    Heartbeat,
    /// The outcome, but the call is not over: servers before 4.0.0 say so in a second reply. A later outcome replaces
    /// it.
    Part(Outcome),
    /// The call is over.
    Final(Outcome),
    /// The call is over and this reply has no value: the part that came before is the outcome, or null where none did.
    Done,
}

/// The body of the final reply. `about` names what was asked for, if that could be read: Python's refusals repeat it.
///
/// A result that is not JSON becomes a failure.
pub(crate) fn encode_reply(msg_id: &str, outcome: &Outcome, about: Option<About<'_>>) -> Vec<u8> {
    match outcome.as_ref().map(json_of) {
        Ok(Ok(json)) => encode(msg_id, json.trim_ascii(), None, true),
        Ok(Err(reason)) => {
            let message =
                format!("the method succeeded, but its result cannot be sent as json: {reason}");
            let kind = FailureKind::UnencodableResult;
            let failure = Failure::new(kind, "UnencodableResult", message);
            encode(msg_id, "null", Some(&failure::json(&failure, about)), true)
        }
        Err(failure) => encode(msg_id, "null", Some(&failure::json(failure, about)), true),
    }
}

/// The body of a sign that the method still runs.
pub(crate) fn encode_heartbeat(msg_id: &str) -> Vec<u8> {
    encode(msg_id, "null", None, false)
}

/// All five members, always: Python clients miss each that is not there.
fn encode(msg_id: &str, result: &str, failure: Option<&str>, ending: bool) -> Vec<u8> {
    let size = result.len() + result.len() / 4 + 2 * failure.map_or(0, str::len) + 256;
    let Ok(body) = envelope::seal::<Infallible>(size, |out| {
        out.push_str(r#"{\"result\": "#);
        escape(out, result);
        out.push_str(r#", \"failure\": "#);
        match failure {
            Some(failure) => put_inner_string(out, failure),
            None => out.push_str("null"),
        }
        out.push_str(r#", \"ending\": "#);
        out.push_str(if ending { "true" } else { "false" });
        out.push_str(r#", \"_msg_id\": "#);
        put_inner_string(out, msg_id);
        out.push_str(r#", \"_unique_id\": "#);
        put_inner_string(out, &id::fresh().to_string());
        out.push('}');
        Ok(())
    });
    body
}

/// Reads the body of a reply. Fails where it cannot be told which call it belongs to.
pub(crate) fn read_reply(
    body: &[u8],
    compression: Option<&str>,
    max_bytes: usize,
) -> Result<ReadReply, String> {
    let message = envelope::open(body, compression, max_bytes)?;
    let (mut result, mut failure, mut ending, mut msg_id) = (None, None, None, None);
    for part in members(&message) {
        let (name, raw) =
            part.map_err(|broken| format!("the reply is no JSON object: {broken}"))?;
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
    let outcome = match failure.and_then(their_failure::read) {
        Some(failure) => Some(Err(failure)),
        None => result.filter(|raw| !raw.is_null()).map(read_result),
    };
    let over = ending.is_some_and(|ending| ending.text == "true");
    let content = match (over, outcome) {
        (true, Some(outcome)) => Content::Final(outcome),
        (true, None) => Content::Done,
        (false, Some(outcome)) => Content::Part(outcome),
        (false, None) => Content::Heartbeat,
    };
    Ok(ReadReply { msg_id, content })
}

fn read_result(result: Raw<'_>) -> Outcome {
    match result.exact() {
        Ok(json) => Ok(Payload::new(Codec::Json, json.into())),
        Err(number) => {
            let message = format!("the method succeeded, but its result cannot be read: {number}");
            Err(Failure::new(FailureKind::UnencodableResult, "UnreadableResult", message))
        }
    }
}
