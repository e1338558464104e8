//! Puts messages together from their frames.

use std::sync::Arc;

use super::consumer::Consumer;
use super::message::{Delivery, Message, Returned};
use crate::wire::Malformed;
use crate::wire::frame::CLASS_BASIC;
use crate::wire::reader::Reader;
use crate::wire::text::Text;

/// The space for a message whose size is not known yet: enough for most, so that they are allocated once.
const FIRST_ALLOCATION: usize = 512;
/// The space that a body is given before its bytes are there. The size that a header announces is not trusted with more.
const MAX_RESERVED: usize = 1024 * 1024;

/// A message that arrives: the method has been read, header and body follow.
pub(crate) struct Content {
    recipient: Recipient,
    bytes: Vec<u8>,
    exchange: u8,
    routing_key: u8,
    /// How many bytes the properties take. `None`: the header has not come yet.
    properties: Option<usize>,
    /// How many bytes of the body are missing.
    missing: u64,
    max_body: usize,
    oversized: Option<u64>,
}

/// Who a message is for.
pub(crate) enum Recipient {
    Consumer {
        consumer: Arc<dyn Consumer>,
        tag: u64,
        redelivered: bool,
    },
    /// The channel, which published it.
    Publisher {
        code: u16,
    },
    /// Nobody, as the channel or consumer is gone.
    Nobody,
}

/// A message that is complete.
pub(crate) enum Received {
    Delivery(Arc<dyn Consumer>, Delivery),
    Returned(Returned),
    Discarded,
}

impl Content {
    /// Begins a message of which at most `max_body` bytes of the body are kept.
    pub(crate) fn new(
        recipient: Recipient,
        exchange: Text<'_>,
        routing_key: Text<'_>,
        max_body: usize,
    ) -> Self {
        let (exchange, routing_key) = (exchange.as_bytes(), routing_key.as_bytes());
        let mut bytes = Vec::with_capacity(FIRST_ALLOCATION);
        bytes.extend_from_slice(exchange);
        bytes.extend_from_slice(routing_key);
        Self {
            recipient,
            bytes,
            // Both are short strings.
            exchange: exchange.len() as u8,
            routing_key: routing_key.len() as u8,
            properties: None,
            missing: 0,
            max_body,
            oversized: None,
        }
    }

    /// Adds the content header. Returns whether the message is complete.
    pub(crate) fn add_header(&mut self, payload: &[u8]) -> Result<bool, Malformed> {
        let mut reader = Reader::new(payload);
        let (class, _weight, size) = (reader.u16()?, reader.u16()?, reader.u64()?);
        if class != CLASS_BASIC || self.properties.is_some() {
            return Err(Malformed("a content header comes where none is expected"));
        }
        let properties = reader.rest();
        self.properties = Some(properties.len());
        self.missing = size;
        let body = usize::try_from(size).unwrap_or(usize::MAX);
        self.oversized = (body > self.max_body).then_some(size);
        let reserved = if self.oversized.is_some() { 0 } else { body.min(MAX_RESERVED) };
        if !matches!(self.recipient, Recipient::Nobody) {
            self.bytes.reserve(properties.len() + reserved);
            self.bytes.extend_from_slice(properties);
        }
        Ok(size == 0)
    }

    /// Adds a piece of the body. Returns whether the message is complete.
    pub(crate) fn add_body(&mut self, payload: &[u8]) -> Result<bool, Malformed> {
        let left = self.missing.checked_sub(payload.len() as u64);
        let (Some(left), Some(_)) = (left, self.properties) else {
            return Err(Malformed("a body is longer than its header says, or comes before it"));
        };
        self.missing = left;
        if self.oversized.is_none() && !matches!(self.recipient, Recipient::Nobody) {
            self.bytes.extend_from_slice(payload);
        }
        Ok(left == 0)
    }

    /// Returns the message, which is complete.
    pub(crate) fn finish(self) -> Received {
        let properties = self.properties.unwrap_or_default();
        let (bytes, exchange, routing_key) = (self.bytes, self.exchange, self.routing_key);
        let message = || Message::new(bytes, exchange, routing_key, properties);
        match self.recipient {
            Recipient::Consumer { consumer, tag, redelivered } => {
                let oversized = self.oversized;
                Received::Delivery(
                    consumer,
                    Delivery { message: message(), tag, redelivered, oversized },
                )
            }
            Recipient::Publisher { code } => {
                Received::Returned(Returned { code, message: message() })
            }
            Recipient::Nobody => Received::Discarded,
        }
    }
}
