//! The dialect of Python's oslo.messaging: JSON within JSON, everything in the body.
//!
//! Python peers may write what stricter readers reject: numbers beyond 64 bits, `NaN`, lone surrogates. It is rejected here
//! too, but in such a way that a caller who waits for a reply gets one.

mod compression;
#[cfg(feature = "compression")]
mod decompression;
mod envelope;
mod failure;
pub mod fuzz_hooks;
mod id;
mod json_scan;
mod json_string;
mod payload;
mod python_exception;
mod reply;
mod request;
#[cfg(test)]
mod tests;

use std::time::Duration;

use rpc_amqp::{FieldTable, Properties, PropertiesBuilder};
use rpc_core::{Bytes, Codec, DecodeLimits, MessageId, Outcome, Request};

use self::failure::About;
use super::properties::{self, JSON};
use super::request::CallFields;
use super::{CallId, DecodeError, Decoded, Dialect, Inbound, Message, ReplyTo, Undecodable};

/// A Python server counts whole seconds, and does not report that a method still runs to callers that ask for less than two.
const MIN_MONITOR: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Oslo;

impl Dialect for Oslo {
    fn name(&self) -> &'static str {
        "oslo.messaging"
    }

    fn codec(&self) -> Codec {
        Codec::Json
    }

    fn can_cancel(&self) -> bool {
        false
    }

    fn min_monitor(&self) -> Duration {
        MIN_MONITOR
    }

    fn default_exchange(&self) -> &'static str {
        "openstack"
    }

    fn always_durable(&self) -> bool {
        false
    }

    fn binds_topic_exchange(&self) -> bool {
        true
    }

    fn server_queue_ttl(&self) -> Option<Duration> {
        None
    }

    fn topic_queue(&self, _exchange: &str, topic: &str) -> String {
        topic.to_owned()
    }

    fn server_queue(&self, _exchange: &str, topic: &str, server: &str) -> String {
        format!("{topic}.{server}")
    }

    fn fanout_exchange(&self, topic: &str) -> String {
        format!("{topic}_fanout")
    }

    fn fanout_queue(&self, topic: &str, unique: &str) -> String {
        format!("{topic}_fanout_{unique}")
    }

    fn reply_queue(&self, unique: &str) -> String {
        format!("reply_{unique}")
    }

    fn encode_request<'a>(
        &self,
        properties: PropertiesBuilder<'a>,
        request: &Request,
        call: Option<CallFields<'a>>,
    ) -> Result<Message, String> {
        let properties = with_python_properties(properties).build();
        let properties = properties.map_err(|error| error.to_string())?;
        Ok((properties, request::encode(request, call)?.into()))
    }

    fn message_id(&self, properties: &Properties, body: &[u8]) -> Option<MessageId> {
        id::of_body(body, properties::is_compressed(properties))
    }

    fn decode_request(
        &self,
        properties: &Properties,
        body: &Bytes,
        limits: &DecodeLimits,
    ) -> Result<Decoded, Box<DecodeError>> {
        request::decode(body, properties::compression(properties), limits.max_bytes)
    }

    fn encode_reply(&self, to: &ReplyTo, request: Option<&Request>, outcome: Outcome) -> Message {
        let about =
            request.map(|request| About { method: &request.method, version: request.version });
        let body = reply::encode(&to.call_id, &outcome, about);
        (reply_properties(), body.into())
    }

    fn encode_still_running(&self, to: &ReplyTo) -> Message {
        let body = reply::encode_still_running(&to.call_id);
        (reply_properties(), body.into())
    }

    fn decode_inbound(
        &self,
        properties: &Properties,
        body: Bytes,
        limits: &DecodeLimits,
    ) -> Inbound {
        match reply::decode(&body, properties::compression(properties), limits.max_bytes) {
            Ok((msg_id, reply)) => Inbound::Reply(CallId::parse(&msg_id), Ok(reply)),
            Err(reason) => Inbound::Reply(None, Err(Undecodable::new(reason))),
        }
    }
}

static NO_HEADERS: FieldTable = FieldTable::new();

/// Adds the properties that Python peers set on every message, and need.
fn with_python_properties(properties: PropertiesBuilder<'_>) -> PropertiesBuilder<'_> {
    properties.content_type(JSON).content_encoding("utf-8").headers(&NO_HEADERS).priority(0)
}

fn reply_properties() -> Properties {
    properties::build(&with_python_properties(properties::transient()))
}
