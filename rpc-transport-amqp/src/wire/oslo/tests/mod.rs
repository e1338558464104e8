//! Messages from and for Python peers.

mod captured;
mod corrupted;
mod failures;
mod replies;
mod requests;

use rpc_core::{Codec, DecodeLimits, MessageId, Payload, Request, Value};

use super::{reply, request};
use crate::wire::{DecodeError, Decoded, OSLO, Reply, ReplyTo};

/// Puts a message into an envelope.
fn enveloped(message: &str) -> Vec<u8> {
    serde_json::json!({"oslo.version": "2.0", "oslo.message": message}).to_string().into_bytes()
}

fn decode(message: &str) -> Result<Decoded, Box<DecodeError>> {
    request::decode(&enveloped(message), None, usize::MAX)
}

fn decode_enveloped_reply(message: &str) -> (String, Reply) {
    reply::decode(&enveloped(message), None, usize::MAX).unwrap()
}

/// Returns the message of a body, decoded by `serde_json`.
fn message_in(body: &[u8]) -> serde_json::Value {
    let envelope: serde_json::Value = serde_json::from_slice(body).unwrap();
    assert_eq!(envelope["oslo.version"], "2.0");
    serde_json::from_str(envelope["oslo.message"].as_str().unwrap()).unwrap()
}

fn json(text: &str) -> Payload {
    Payload::new(Codec::Json, text.to_owned())
}

fn value(payload: &Payload) -> Value {
    payload.codec().decode(payload.bytes(), &DecodeLimits::new()).unwrap()
}

fn request(method: &'static str, args: &str) -> Request {
    Request::new(MessageId::from_bits(0xab), method, json(args))
}

/// Where the replies of these tests go.
fn reply_to() -> Option<ReplyTo> {
    reply_to_for(0)
}

/// Where the reply to the message with this id goes.
fn reply_to_for(message_id: u128) -> Option<ReplyTo> {
    Some(ReplyTo {
        dialect: OSLO,
        queue: "reply_0d50".into(),
        call_id: "77bb".into(),
        message_id: MessageId::from_bits(message_id),
    })
}
