//! What receives a consumer's deliveries.

use super::message::Delivery;
use crate::Error;

/// Receives the deliveries of a consumer.
///
/// The methods run in the connection's task, between the reading of two frames. They must not block: hand the delivery to the
/// task that works on it.
pub trait Consumer: Send + Sync {
    /// Receives a delivery, in the order in which the broker sent them.
    ///
    /// Deliveries that were on their way may still come after the consumer was cancelled or its channel closed by this program,
    /// until the broker has confirmed that.
    fn on_delivery(&self, delivery: Delivery);

    /// Runs once when there will be no more deliveries, unless this program cancelled the consumer or closed the channel.
    fn on_end(&self, reason: ConsumerEnd);
}

/// Why a consumer has ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ConsumerEnd {
    /// The broker cancelled it: its queue was deleted, or the node of the queue is gone.
    Cancelled,
    /// The channel or the connection is closed.
    Closed(Error),
}
