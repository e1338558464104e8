//! What a listener yields: messages that are decoded, or still have to be.

use std::fmt;

use super::{AckError, Delivery, QueueKind};
use crate::maybe_ready::MaybeReady;
use crate::message::MessageId;
use crate::transport::delivery_memory::MessageKey;

/// A message that reached a server.
pub enum Incoming {
    /// A delivery whose request is at hand.
    Delivery(Box<dyn Delivery>),
    /// A message whose request has to be decoded first. The server decodes it in the task of its method, so that a large
    /// message does not delay the others.
    Encoded(Box<dyn EncodedDelivery>),
}

impl Incoming {
    /// Returns what the server recognises the message by. `None`: the message has no id, and is never recognised.
    #[must_use]
    pub fn key(&self) -> Option<MessageKey> {
        Some(match self {
            Self::Delivery(delivery) => {
                MessageKey { queue: delivery.queue(), id: delivery.request().id }
            }
            Self::Encoded(message) => {
                MessageKey { queue: message.queue(), id: message.message_id()? }
            }
        })
    }

    /// Returns whether the broker has delivered the message before.
    #[must_use]
    pub fn redelivered(&self) -> bool {
        match self {
            Self::Delivery(delivery) => delivery.redelivered(),
            Self::Encoded(message) => message.redelivered(),
        }
    }

    /// Acknowledges the message without running it. See [`Delivery::ack`].
    ///
    /// # Errors
    ///
    /// Fails when the connection that delivered the message is gone. The broker delivers it again.
    pub fn ack(self) -> MaybeReady<Result<(), AckError>> {
        match self {
            Self::Delivery(mut delivery) => delivery.ack(),
            Self::Encoded(message) => message.ack(),
        }
    }

    /// Decodes the message, unless it is decoded. `None`: it cannot be decoded, and the transport has rejected it.
    #[must_use]
    pub fn decode(self) -> Option<Box<dyn Delivery>> {
        match self {
            Self::Delivery(delivery) => Some(delivery),
            Self::Encoded(message) => message.decode(),
        }
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Delivery(_) => "Incoming::Delivery",
            Self::Encoded(_) => "Incoming::Encoded",
        })
    }
}

/// A message that was delivered and not yet decoded.
///
/// Dropped before it was decoded, it goes back to the broker, like a [`Delivery`].
pub trait EncodedDelivery: Send {
    /// Returns the id by which the server recognises a second copy of the message. `None`: the message has no id, and is
    /// never taken for a copy.
    ///
    /// It is called in the server's loop, so it must not decode the message. It need not be the id of the decoded
    /// request, but it must be different for requests with different ids.
    fn message_id(&self) -> Option<MessageId>;

    /// Returns the queue that delivered the message.
    fn queue(&self) -> QueueKind;

    /// Returns whether the broker has delivered the message before. See [`Delivery::redelivered`].
    fn redelivered(&self) -> bool;

    /// Acknowledges the message without decoding it. See [`Delivery::ack`].
    ///
    /// # Errors
    ///
    /// Fails when the connection that delivered the message is gone. The broker delivers it again.
    fn ack(self: Box<Self>) -> MaybeReady<Result<(), AckError>>;

    /// Returns whether decoding the message may take longer than other tasks should wait, such as a millisecond. Then it is
    /// decoded on tokio's blocking thread pool.
    ///
    /// It is called in the task of the message's method, and must not decode the message. Default: no.
    fn decodes_slowly(&self) -> bool {
        false
    }

    /// Decodes the message.
    ///
    /// Returns `None` if it cannot be decoded. The transport has then rejected it, so that the broker does not deliver it
    /// again, and replies to a caller that waits. Nothing may wait in here: the server holds a permit meanwhile.
    ///
    /// Must not panic, whatever the message contains. If it panics all the same, the message must be rejected as well: it
    /// would come back, and panic again.
    fn decode(self: Box<Self>) -> Option<Box<dyn Delivery>>;
}
