//! Decodes delivered requests, and rejects those that cannot be decoded.

use std::sync::Arc;

use rpc_core::transport::{AckError, Delivery, EncodedDelivery, QueueKind};
use rpc_core::{DecodeLimits, Failure, FailureKind, MaybeReady, MessageId};
use tokio_util::task::TaskTracker;

use super::cancellation::CancelRegistry;
use super::delivery::AmqpDelivery;
use super::prefetch::Prefetched;
use super::reply_sender::ReplySender;
use crate::wire::{self, DecodeError};

impl EncodedDelivery for Prefetched {
    fn message_id(&self) -> Option<MessageId> {
        self.key().map(|key| key.id)
    }

    fn queue(&self) -> QueueKind {
        self.queue
    }

    fn redelivered(&self) -> bool {
        self.delivery.redelivered
    }

    fn ack(mut self: Box<Self>) -> MaybeReady<Result<(), AckError>> {
        self.settled = true;
        self.settlement.ack(self.key())
    }

    fn decodes_slowly(&self) -> bool {
        // A few bytes may inflate to a megabyte, and bzip2 takes milliseconds for that.
        wire::is_compressed(&self.delivery.message.properties())
    }

    fn decode(mut self: Box<Self>) -> Option<Box<dyn Delivery>> {
        let delivery = self.decoder.decode(&self);
        self.settled = true;
        delivery
    }
}

/// Makes deliveries of messages.
pub(super) struct RequestDecoder {
    limits: DecodeLimits,
    replies: Arc<ReplySender>,
    running: Arc<CancelRegistry>,
    /// For replies that cannot be published at once.
    tasks: TaskTracker,
}

impl RequestDecoder {
    pub(super) fn new(
        limits: DecodeLimits,
        replies: Arc<ReplySender>,
        running: Arc<CancelRegistry>,
        tasks: TaskTracker,
    ) -> Self {
        Self { limits, replies, running, tasks }
    }

    /// Decodes a message. Rejects it and returns `None` if it cannot be decoded.
    fn decode(&self, message: &Prefetched) -> Option<Box<dyn Delivery>> {
        let received = &message.delivery.message;
        let properties = received.properties();
        if let Some(size) = message.delivery.oversized {
            self.reject(message, wire::oversized_request(&properties, size, self.limits.max_bytes));
            return None;
        }
        match wire::decode_request(&properties, &received.body(), message.since, &self.limits) {
            Ok(decoded) => {
                let delivery = AmqpDelivery::new(&self.replies, &self.running, message, decoded);
                Some(Box::new(delivery))
            }
            Err(error) => {
                self.reject(message, *error);
                None
            }
        }
    }

    /// Rejects a message that cannot be decoded, and tells its caller, if there is a reply queue.
    #[cold]
    fn reject(&self, message: &Prefetched, error: DecodeError) {
        let DecodeError { reason, message_id, reply_to } = error;
        let received = &message.delivery.message;
        let shown = |text: &str| wire::shortened(text.to_owned());
        let call = reply_to.as_ref().map(|reply_to| shown(&reply_to.call_id));
        tracing::warn!(
            %reason,
            exchange = %shown(&received.exchange().to_string_lossy()),
            routing_key = %shown(&received.routing_key().to_string_lossy()),
            call,
            message_id = message_id.map(tracing::field::display),
            "rejected a message that cannot be decoded"
        );
        message.settlement.reject();
        let Some(reply_to) = reply_to else { return };
        let failure = Failure::new(FailureKind::Malformed, "Malformed", reason);
        let reply = wire::encode_reply(&reply_to, None, Err(failure));
        if let MaybeReady::Pending(sent) = self.replies.send(reply, None) {
            self.tasks.spawn(sent);
        }
    }
}
