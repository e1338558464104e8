//! Redistributes messages that wait for a permit to other servers, by publishing copies. A message that is requeued itself
//! is marked as redelivered, and would not be run.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use rpc_amqp::{Properties, PropertiesBuilder};
use rpc_core::transport::AckMode;

use super::consumers::Source;
use super::prefetch::{PrefetchBuffer, Prefetched};
use crate::publish::{ConfirmedPublisher, PublishOutcome, PublisherSupervisor};
use crate::topology::{QueueStatus, QueueStatusReader, ServerQueues};
use crate::wire::{Outgoing, remaining_ttl};

/// How long a message waits for a permit before it is redistributed, if other servers are free.
pub(super) const REDISTRIBUTE_AFTER: Duration = Duration::from_millis(100);

/// Redistributes the messages of one server.
pub(super) struct Redistributor {
    pub(super) buffer: Arc<PrefetchBuffer>,
    pub(super) queues: ServerQueues,
    pub(super) ack_mode: AckMode,
    pub(super) publisher: Arc<PublisherSupervisor>,
    pub(super) confirmed: Arc<ConfirmedPublisher>,
    pub(super) queue_status: Arc<QueueStatusReader>,
}

impl Redistributor {
    /// Returns whether messages can be redistributed: only if they are acknowledged before their method runs. Otherwise a message
    /// that waits could not be told from one whose method runs.
    pub(super) fn is_enabled(&self) -> bool {
        self.ack_mode == AckMode::BeforeInvoke
    }

    /// Publishes copies of messages that have waited for long, if other servers are free.
    pub(super) async fn republish_old(&self) {
        // Messages are removed only if their copies can be published at once. Otherwise they stay, for a permit that becomes free.
        if !self.others_are_free().await || !self.publisher.is_ready() {
            return;
        }
        let old = self.buffer.take_old(Source::Topic, REDISTRIBUTE_AFTER);
        let copies =
            old.into_iter().map(async |message| (self.publish_copy(&message).await, message));
        let mut unsent = Vec::new();
        for (outcome, message) in join_all(copies).await {
            match outcome {
                PublishOutcome::Confirmed => self.buffer.keep_unacked(&message),
                // The copy may be in the queue as well. So the original is requeued: it is redelivered, marked so, and not run.
                PublishOutcome::Unknown | PublishOutcome::ChannelClosed(_) => {
                    message.consumers.requeue(message.tag());
                }
                PublishOutcome::Unroutable
                | PublishOutcome::Nacked
                | PublishOutcome::Rejected(_)
                | PublishOutcome::NotSent => unsent.push(message),
            }
        }
        self.buffer.put_back(unsent);
    }

    /// Returns whether the queue has other consumers and is empty. If messages wait there, the others are busy, too.
    async fn others_are_free(&self) -> bool {
        let status = self.queue_status.read(&self.queues.topic.name).await;
        matches!(status, Ok(Some(QueueStatus::Exists { consumers: 2.., messages: 0 })))
    }

    /// Returns all messages that wait to their queues, as this server takes no more of them.
    pub(super) async fn return_all(&self) {
        let waiting = self.buffer.clear().into_iter();
        join_all(waiting.map(|message| self.return_to_queue(message))).await;
    }

    async fn return_to_queue(&self, message: Prefetched) {
        let copied = self.is_enabled() && message.can_be_copied();
        match message.source {
            // No other server consumes from this queue.
            Source::Fanout => drop(message.consumers.ack(message.tag())),
            _ if copied && self.publish_copy(&message).await == PublishOutcome::Confirmed => {
                let _ = message.consumers.ack(message.tag());
            }
            _ => message.consumers.requeue(message.tag()),
        }
    }

    /// Publishes a copy of a message to the queue that it came from. It keeps its id, and what is left of its expiration.
    async fn publish_copy(&self, message: &Prefetched) -> PublishOutcome {
        let received = message.delivery.message.properties();
        let Ok(properties) = copy_properties(&received, message.waited()) else {
            return PublishOutcome::NotSent;
        };
        let queue = match message.source {
            Source::Topic => &self.queues.topic.name,
            Source::Server => &self.queues.server.name,
            Source::Fanout => &self.queues.fanout.name,
        };
        let (exchange, routing_key) = ("".into(), queue.as_str().into());
        let body = message.delivery.message.body().into();
        self.confirmed.publish(&Outgoing { exchange, routing_key, properties, body }).await
    }
}

/// Copies the properties of a message that has waited here for so long.
///
/// What its publisher asked of the broker is left out: the broker would close our channel over another user's `user-id`, and
/// would put the copy into the queues of `CC` and `BCC` once more.
///
/// # Errors
///
/// Fails if a text is too long, which none is that has been received.
fn copy_properties(
    received: &Properties,
    waited: Duration,
) -> Result<Properties, rpc_amqp::InvalidArgument> {
    let left =
        remaining_ttl(received).map(|left| left.saturating_sub(waited).as_millis().to_string());
    let mut copy = PropertiesBuilder::from(received).without_broker_directives();
    if let Some(left) = &left {
        copy = copy.expiration(left);
    }
    copy.build()
}
