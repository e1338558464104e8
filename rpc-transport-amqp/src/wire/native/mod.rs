//! The native dialect: MessagePack, with arguments and results as the bytes they are.
//!
//! | `type` | body |
//! |---|---|
//! | `rpc.call`, `rpc.cast` | 4 bytes: the length of the header; the header; the arguments |
//! | `rpc.result` | the result |
//! | `rpc.failure` | a failure |
//! | `rpc.running`, `rpc.accepted`, `rpc.cancel` | nothing |
//!
//! Headers and failures are maps with short names, so that fields can be added and left out. `content-type` names the codec
//! of arguments or result; `reply-to`, `correlation-id` and `expiration` have AMQP's meaning.

mod failure;
mod message_type;
mod notice;
mod queue_names;
mod reply;
mod request;

use std::time::Duration;

use lapin::BasicProperties;
use rpc_core::{Bytes, Codec, DecodeLimits, Outcome, Request, Version};

pub(crate) use self::message_type::{is_call, is_native, is_notice};
pub(crate) use self::notice::{encode_accepted, encode_cancel};
use super::request::{CallFields, MIN_MONITOR};
use super::{DecodeError, Decoded, Dialect, Inbound, Message, ReplyTo};
use crate::wire::properties::{JSON, MESSAGE_PACK};

/// How long a server's queue outlives the server: long enough for a restart.
const SERVER_QUEUE_TTL: Duration = Duration::from_secs(30 * 60);

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

    fn encode_request(
        &self,
        properties: BasicProperties,
        request: &Request,
        call: Option<CallFields<'_>>,
    ) -> Result<Message, String> {
        request::encode(properties, request, call)
    }

    fn decode_request(
        &self,
        properties: &BasicProperties,
        body: &Bytes,
        limits: &DecodeLimits,
    ) -> Result<Decoded, DecodeError> {
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
        properties: &BasicProperties,
        body: Bytes,
        limits: &DecodeLimits,
    ) -> Inbound {
        reply::decode(properties, body, limits)
    }
}

/// A version as it is encoded.
type VersionNumbers = (u32, u32, u32);

fn version_numbers(version: Version) -> VersionNumbers {
    (version.major, version.minor, version.revision)
}

fn version((major, minor, revision): VersionNumbers) -> Version {
    Version::new(major, minor).with_revision(revision)
}

fn content_type(codec: Codec) -> &'static str {
    match codec {
        Codec::Json => JSON,
        Codec::MessagePack => MESSAGE_PACK,
    }
}

/// Returns the codec that a content type names: the inverse of [`content_type`]. The compiler does not find a codec that is
/// missing here.
fn codec(content_type: &str) -> Result<Codec, String> {
    match content_type {
        JSON => Ok(Codec::Json),
        // A message that does not say has the codec of its dialect.
        MESSAGE_PACK | "" => Ok(Codec::MessagePack),
        _ => Err(format!("unsupported content type {content_type:?}")),
    }
}
