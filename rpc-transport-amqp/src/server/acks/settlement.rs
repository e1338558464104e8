//! How one delivered message is settled.

use std::sync::Arc;

use rpc_core::MaybeReady;
use rpc_core::transport::AckError;
use rpc_core::transport::delivery_memory::MessageKey;

use crate::server::consumers::Consumers;

/// Settles one delivered message on the channel that it came over.
#[derive(Clone)]
pub(in crate::server) struct Settlement {
    consumers: Arc<Consumers>,
    tag: u64,
    source: Source,
}

/// What the message was delivered from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// The broker redelivers what was not acknowledged.
    Queue,
    /// The message stays in the stream whatever becomes of it. The broker only counts how many are unacknowledged, and RabbitMQ
    /// 3 closes the connection over a nack or a reject.
    Stream,
}

impl Settlement {
    /// Returns how a message of a queue is settled.
    pub(in crate::server) fn of_queue(consumers: &Arc<Consumers>, tag: u64) -> Self {
        Self { consumers: Arc::clone(consumers), tag, source: Source::Queue }
    }

    /// Returns how a message of a stream is settled.
    pub(in crate::server) fn of_stream(consumers: &Arc<Consumers>, tag: u64) -> Self {
        Self { consumers: Arc::clone(consumers), tag, source: Source::Stream }
    }

    /// Returns whether the message is from a stream.
    pub(in crate::server) fn is_of_stream(&self) -> bool {
        self.source == Source::Stream
    }

    /// Returns whether the broker has taken the message back, as its channel is closed. It delivers the message again.
    pub(in crate::server) fn is_taken_back(&self) -> bool {
        match self.source {
            Source::Queue => !self.consumers.is_open(),
            Source::Stream => false,
        }
    }

    /// Acks the message. If the ack mode waits for the broker, the result is ready when the broker has processed it. That of a
    /// stream is ready at once, as no other server can have this server's copy.
    ///
    /// # Errors
    ///
    /// Fails if the channel is closed, and the message is not from a stream.
    pub(in crate::server) fn ack(
        &self,
        key: Option<MessageKey>,
    ) -> MaybeReady<Result<(), AckError>> {
        match self.source {
            Source::Queue => self.consumers.ack(self.tag, key),
            Source::Stream => {
                self.consumers.ack_stream(self.tag, key);
                MaybeReady::ready(Ok(()))
            }
        }
    }

    /// Settles a message that nobody is to process.
    pub(in crate::server) fn discard(&self) {
        drop(self.ack(None));
    }

    /// Returns the message to its queue.
    pub(in crate::server) fn requeue(&self) {
        match self.source {
            Source::Queue => self.consumers.requeue(self.tag),
            Source::Stream => self.consumers.ack_stream(self.tag, None),
        }
    }

    /// Rejects the message, so that the broker drops it, or dead-letters it where a policy says so.
    pub(in crate::server) fn reject(&self) {
        match self.source {
            Source::Queue => self.consumers.reject(self.tag),
            Source::Stream => self.consumers.ack_stream(self.tag, None),
        }
    }
}
