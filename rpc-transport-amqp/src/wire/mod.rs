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
mod peer_text;
mod properties;
mod reply;
mod request;

use rpc_amqp::{Properties, Publish};

pub(crate) use self::body::Body;
pub(crate) use self::call_id::CallId;
pub(crate) use self::dialect::{Dialect, NATIVE, OSLO};
pub(crate) use self::native::{encode_accepted, encode_cancel};
pub use self::oslo::fuzz_hooks;
pub(crate) use self::peer_text::shortened;
pub(crate) use self::properties::{delivery_count, is_compressed, stream_offset};
pub(crate) use self::reply::{
    Acceptance, Inbound, Reply, ReplyTo, Undecodable, decode_inbound, encode_reply,
    encode_still_running, oversized_reply,
};
pub(crate) use self::request::{
    DecodeError, Decoded, ReplyAddress, decode_request, encode_request, message_id,
    oversized_request,
};

/// A message to publish.
#[derive(Debug)]
pub(crate) struct Outgoing {
    /// Empty for the default exchange.
    pub(crate) exchange: Box<str>,
    pub(crate) routing_key: Box<str>,
    pub(crate) properties: Properties,
    pub(crate) body: Body,
}

impl Outgoing {
    /// Calls `publish` with the message as the AMQP connection takes it. Every message is mandatory: the broker returns it if no
    /// queue takes it.
    pub(crate) fn publish_with<R>(&self, publish: impl FnOnce(&Publish<'_>) -> R) -> R {
        publish(&Publish {
            exchange: &self.exchange,
            routing_key: &self.routing_key,
            mandatory: true,
            properties: &self.properties,
            body: &self.body.segments(),
        })
    }

    /// Addresses a message to a queue by the default exchange, to which every queue is bound by its name.
    fn to_queue(queue: &str, (properties, body): Message) -> Self {
        Self { exchange: "".into(), routing_key: queue.into(), properties, body }
    }
}

/// Properties and body.
type Message = (Properties, Body);
