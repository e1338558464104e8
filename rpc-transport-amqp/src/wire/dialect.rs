//! What the two message formats decide differently.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use rpc_amqp::{Properties, PropertiesBuilder};
use rpc_core::{Bytes, Codec, DecodeLimits, MessageId, Outcome, Request};

use super::native::{self, Native};
use super::oslo::Oslo;
use super::request::CallFields;
use super::{DecodeError, Decoded, Inbound, Message, ReplyTo};

/// This crate's own format: `amqp://` and `amqps://`.
pub(crate) const NATIVE: &dyn Dialect = &Native;

/// The format of oslo.messaging: `rabbit://`.
pub(crate) const OSLO: &dyn Dialect = &Oslo;

/// A message format, and the queues and exchanges that go with it.
///
/// It is a trait, not an enum, so that each dialect has its own folder and all that a dialect decides is listed here.
/// Nothing is allocated for it, and a virtual call costs nothing beside encoding a message.
pub(crate) trait Dialect: fmt::Debug + Send + Sync {
    /// Returns the name, which identifies the dialect.
    fn name(&self) -> &'static str;

    /// Returns the codec of arguments, results and errors.
    fn codec(&self) -> Codec;

    /// Returns whether servers tell a caller that its method runs and accept cancellations.
    fn can_cancel(&self) -> bool;

    /// Returns the shortest call monitor period that every server of this dialect keeps.
    fn min_monitor(&self) -> Duration;

    /// Returns the exchange of targets that name none.
    fn default_exchange(&self) -> &'static str;

    /// Returns whether the queues of topics and servers, and all exchanges, are always durable. Otherwise the
    /// configuration decides, and an exchange that exists and is not durable is used as it is.
    fn always_durable(&self) -> bool;

    /// Returns whether queues are also bound to a topic exchange, which peers may publish to. This crate publishes to
    /// the default exchange.
    fn binds_topic_exchange(&self) -> bool;

    /// Returns how long a server's queue outlives its last consumer; `None`: for ever.
    fn server_queue_ttl(&self) -> Option<Duration>;

    /// Returns the name of the queue that all servers of a topic share.
    fn topic_queue(&self, exchange: &str, topic: &str) -> String;

    /// Returns the name of the queue of one server.
    fn server_queue(&self, exchange: &str, topic: &str, server: &str) -> String;

    /// Returns the name of the exchange to which every server of a topic binds a queue of its own.
    ///
    /// It depends on the topic alone, not on the topic's exchange, as in oslo.messaging.
    fn fanout_exchange(&self, topic: &str) -> String;

    /// Returns the name of one server's queue at the fanout exchange.
    fn fanout_queue(&self, topic: &str, unique: &str) -> String;

    /// Returns the name of a transport's reply queue.
    fn reply_queue(&self, unique: &str) -> String;

    /// Encodes a request: a call where there are `call` fields, otherwise a cast. `properties` are those that both
    /// dialects set alike.
    ///
    /// # Errors
    ///
    /// Fails if the arguments or the context cannot be encoded, with the reason.
    fn encode_request<'a>(
        &self,
        properties: PropertiesBuilder<'a>,
        request: &Request,
        call: Option<CallFields<'a>>,
    ) -> Result<Message, String>;

    /// Returns what identifies a message among its copies, without decoding it. `None`: nothing does.
    fn message_id(&self, properties: &Properties, body: &[u8]) -> Option<MessageId>;

    /// Decodes a request. Its deadline is not in there.
    fn decode_request(
        &self,
        properties: &Properties,
        body: &Bytes,
        limits: &DecodeLimits,
    ) -> Result<Decoded, Box<DecodeError>>;

    /// Encodes the final reply to a request; `request` is `None` where the request could not be decoded.
    fn encode_reply(&self, to: &ReplyTo, request: Option<&Request>, outcome: Outcome) -> Message;

    /// Encodes the message that tells a monitored call that its method still runs.
    fn encode_still_running(&self, to: &ReplyTo) -> Message;

    /// Decodes what arrived in a reply queue.
    fn decode_inbound(
        &self,
        properties: &Properties,
        body: Bytes,
        limits: &DecodeLimits,
    ) -> Inbound;
}

/// Returns the dialect of a message that arrived.
pub(super) fn dialect_of(body: &[u8]) -> &'static dyn Dialect {
    if native::is_native(body) { NATIVE } else { OSLO }
}

impl PartialEq for dyn Dialect {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for dyn Dialect {}

impl Hash for dyn Dialect {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_the_oslo_dialect_are_those_of_python_peers() {
        assert_eq!(OSLO.topic_queue("openstack", "peer"), "peer");
        assert_eq!(OSLO.server_queue("openstack", "peer", "s1"), "peer.s1");
        assert_eq!(OSLO.fanout_exchange("peer"), "peer_fanout");
        assert_eq!(OSLO.fanout_queue("peer", "0d50"), "peer_fanout_0d50");
        assert_eq!(OSLO.reply_queue("0d50"), "reply_0d50");
    }
}
