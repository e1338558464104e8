//! What peers write, and what they get.

mod captured;
mod corrupted;
mod failures;
mod replies;
mod requests;

use rpc_core::{Codec, DecodeLimits, MessageId, Payload, Request, Value};

use super::reply::ReadReply;
use super::request::{ReadRequest, Unreadable};
use super::{read_reply, read_request};

/// The body with this message in an envelope.
fn enveloped(message: &str) -> Vec<u8> {
    serde_json::json!({"oslo.version": "2.0", "oslo.message": message}).to_string().into_bytes()
}

fn read_in(message: &str) -> Result<ReadRequest, Unreadable> {
    read_request(&enveloped(message), None, usize::MAX)
}

fn reply_in(message: &str) -> ReadReply {
    read_reply(&enveloped(message), None, usize::MAX).unwrap()
}

/// The message in a body of ours, read by others than ourselves.
fn message_in(body: &[u8]) -> serde_json::Value {
    let envelope: serde_json::Value = serde_json::from_slice(body).unwrap();
    assert_eq!(envelope["oslo.version"], "2.0");
    serde_json::from_str(envelope["oslo.message"].as_str().unwrap()).unwrap()
}

fn json(text: &str) -> Payload {
    Payload::new(Codec::Json, text.into())
}

fn value(payload: &Payload) -> Value {
    payload.codec().decode(payload.bytes(), &DecodeLimits::new()).unwrap()
}

fn request(method: &'static str, args: &str) -> Request {
    Request::new(MessageId::from_bits(0xab), method, json(args))
}

/// Where the callers of these tests wait.
fn waiting() -> Option<(String, String)> {
    Some(("77bb".to_owned(), "reply_0d50".to_owned()))
}
