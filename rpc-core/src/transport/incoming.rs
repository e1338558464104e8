//! What a listener yields: messages that are decoded, or still have to be.

use std::fmt;

use super::Delivery;

/// A message that reached a server.
///
/// A listener yields the same variant for all its messages: duplicates are recognised among those of one variant.
pub enum Incoming {
    /// A delivery whose request is at hand.
    Delivery(Box<dyn Delivery>),
    /// A message whose request has to be decoded first. The server decodes it in the task of its method, so that a large
    /// message does not delay the others.
    Encoded(Box<dyn EncodedDelivery>),
}

impl Incoming {
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
    /// Decodes the message.
    ///
    /// Returns `None` if it cannot be decoded. The transport has then rejected it, so that the broker does not deliver it
    /// again, and replies to a caller that waits. Nothing may wait in here: the server holds a permit meanwhile.
    ///
    /// Must not panic, whatever the message contains. If it panics all the same, the message must be rejected as well: it
    /// would come back, and panic again.
    fn decode(self: Box<Self>) -> Option<Box<dyn Delivery>>;
}
