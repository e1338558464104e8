//! Messages as they are on the broker, in two [dialects](Dialect).
//!
//! A transport sends in the dialect that its URL asks for. It understands both, and replies in the dialect of the request.
//! The first byte tells them apart: a native message begins with one with which no text begins.

mod body;
mod call_id;
mod dialect;
pub(crate) mod name_limits;
mod native;
mod oslo;
mod properties;
mod reply;
mod request;

use lapin::BasicProperties;
use lapin::types::ShortString;

pub(crate) use self::body::Body;
pub(crate) use self::call_id::CallId;
pub(crate) use self::dialect::{Dialect, NATIVE, OSLO};
pub(crate) use self::native::{encode_accepted, encode_cancel, is_notice};
pub(crate) use self::properties::remaining_ttl;
pub(crate) use self::reply::{
    Acceptance, Inbound, Reply, ReplyTo, Undecodable, decode_inbound, encode_reply,
    encode_still_running,
};
pub(crate) use self::request::{
    DecodeError, Decoded, ReplyAddress, call_of_request, decode_request, encode_request, message_id,
};

/// A message to publish.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) exchange: ShortString,
    pub(crate) routing_key: ShortString,
    pub(crate) properties: BasicProperties,
    pub(crate) body: Body,
}

impl Outgoing {
    /// Addresses a message to a queue by the default exchange, to which every queue is bound by its name.
    fn to_queue(queue: &str, (properties, body): Message) -> Self {
        Self { exchange: "".into(), routing_key: queue.into(), properties, body }
    }
}

/// Properties and body.
type Message = (BasicProperties, Body);
