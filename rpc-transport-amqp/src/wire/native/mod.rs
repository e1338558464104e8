//! The native dialect: a [prefix](prefix), a [header](header), and arguments or result as the bytes they are.
//!
//! | [kind](kind::Kind) | header | payload |
//! |---|---|---|
//! | `call`, `cast` | a request without its arguments | the arguments |
//! | `result` | the codec | the result |
//! | `failure` | a failure without its details | the details |
//! | `running`, `accepted`, `cancel` | nothing | nothing |
//!
//! What only peers read is in the body: each property costs the broker time. `reply-to`, `correlation-id`, `expiration`
//! and `delivery-mode` are properties, with AMQP's meaning.

mod failure;
mod header;
mod kind;
mod notice;
mod prefix;
mod queue_names;
mod reply;
mod request;

use std::time::Duration;

use rpc_amqp::{Properties, PropertiesBuilder};
use rpc_core::{Bytes, Codec, DecodeLimits, MessageId, Outcome, Request};

use self::kind::Kind;
pub(crate) use self::notice::{encode_accepted, encode_cancel};
pub(crate) use self::prefix::is_native;
pub(super) use self::request::reply_to_of;
use super::properties;
use super::request::{CallFields, MIN_MONITOR};
use super::{DecodeError, Decoded, Dialect, Inbound, Message, ReplyTo};

/// How long a server's queue outlives the server: long enough for a restart.
const SERVER_QUEUE_TTL: Duration = Duration::from_secs(30 * 60);

/// Returns an error if a message says that its body is compressed. Bodies of this dialect never are.
fn reject_compressed(properties: &Properties) -> Result<(), String> {
    match properties::compression(properties) {
        None => Ok(()),
        Some(name) => Err(format!(
            "the body is said to be compressed as `{name}`, and native messages never are"
        )),
    }
}

#[derive(Debug)]
pub(super) struct Native;

impl Dialect for Native {
    fn name(&self) -> &'static str {
        "native"
    }

    fn codec(&self) -> Codec {
        Codec::MessagePack
    }

    fn can_cancel(&self) -> bool {
        true
    }

    fn min_monitor(&self) -> Duration {
        MIN_MONITOR
    }

    fn default_exchange(&self) -> &'static str {
        "rpc"
    }

    fn always_durable(&self) -> bool {
        true
    }

    fn binds_topic_exchange(&self) -> bool {
        false
    }

    fn server_queue_ttl(&self) -> Option<Duration> {
        Some(SERVER_QUEUE_TTL)
    }

    fn topic_queue(&self, exchange: &str, topic: &str) -> String {
        queue_names::topic_queue(exchange, topic)
    }

    fn server_queue(&self, exchange: &str, topic: &str, server: &str) -> String {
        queue_names::server_queue(exchange, topic, server)
    }

    fn fanout_exchange(&self, topic: &str) -> String {
        queue_names::fanout_exchange(topic)
    }

    fn fanout_queue(&self, topic: &str, unique: &str) -> String {
        queue_names::fanout_queue(topic, unique)
    }

    fn reply_queue(&self, unique: &str) -> String {
        queue_names::reply_queue(unique)
    }

    fn encode_request<'a>(
        &self,
        properties: PropertiesBuilder<'a>,
        request: &Request,
        call: Option<CallFields<'a>>,
    ) -> Result<Message, String> {
        request::encode(properties, request, call)
    }

    /// Returns the id of a request. A reply or notice that strays to a server has the id of its request, and must not be taken for
    /// a copy of it.
    fn message_id(&self, _: &Properties, body: &[u8]) -> Option<MessageId> {
        match prefix::kind(body)? {
            Kind::Call | Kind::Cast => prefix::message_id(body),
            _ => None,
        }
    }

    fn decode_request(
        &self,
        properties: &Properties,
        body: &Bytes,
        limits: &DecodeLimits,
    ) -> Result<Decoded, Box<DecodeError>> {
        request::decode(properties, body, limits)
    }

    fn encode_reply(&self, to: &ReplyTo, _: Option<&Request>, outcome: Outcome) -> Message {
        reply::encode(to, outcome)
    }

    fn encode_still_running(&self, to: &ReplyTo) -> Message {
        notice::encode_running(to)
    }

    fn decode_inbound(
        &self,
        properties: &Properties,
        body: Bytes,
        limits: &DecodeLimits,
    ) -> Inbound {
        reply::decode(properties, &body, limits)
    }
}
