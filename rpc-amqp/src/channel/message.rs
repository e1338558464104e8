//! Messages from the broker.

use bytes::Bytes;

use crate::wire::properties::Properties;
use crate::wire::text::Text;

/// A message from the broker. Address, properties and body share one allocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Exchange, routing key, properties and body, one behind the other.
    bytes: Bytes,
    exchange: u8,
    routing_key: u8,
    properties: usize,
}

impl Message {
    /// Wraps the bytes of a message, of which the first belong to the exchange, the routing key and the properties.
    pub(super) fn new(bytes: Vec<u8>, exchange: u8, routing_key: u8, properties: usize) -> Self {
        Self { bytes: bytes.into(), exchange, routing_key, properties }
    }

    fn key_start(&self) -> usize {
        self.exchange.into()
    }

    fn properties_start(&self) -> usize {
        self.key_start() + usize::from(self.routing_key)
    }

    fn body_start(&self) -> usize {
        self.properties_start() + self.properties
    }

    /// Returns the exchange that the message was published to.
    #[must_use]
    pub fn exchange(&self) -> Text<'_> {
        Text::new(self.bytes.get(..self.key_start()).unwrap_or_default())
    }

    /// Returns the routing key that the message was published with.
    #[must_use]
    pub fn routing_key(&self) -> Text<'_> {
        Text::new(self.bytes.get(self.key_start()..self.properties_start()).unwrap_or_default())
    }

    /// Returns the properties.
    #[must_use]
    pub fn properties(&self) -> Properties {
        Properties::from_bytes(self.bytes.slice(self.properties_start()..self.body_start()))
    }

    /// Returns the body. It shares the message's allocation.
    #[must_use]
    pub fn body(&self) -> Bytes {
        self.bytes.slice(self.body_start()..)
    }
}

/// A message that the broker delivers to a consumer. It stays unacknowledged until it is settled on its channel.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Delivery {
    /// The message.
    pub message: Message,
    /// The number by which it is settled on its channel.
    pub tag: u64,
    /// Whether it was delivered before.
    pub redelivered: bool,
    /// How many bytes the body has, if they are more than [`max_body`](crate::Options::max_body). They were discarded while they
    /// arrived, and the message has no body.
    pub oversized: Option<u64>,
}

/// A mandatory message that the broker could not put into a queue.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Returned {
    /// The reason, as in `312 NO_ROUTE`.
    pub code: u16,
    /// The message.
    pub message: Message,
}
