//! Redistributes messages that wait for a permit to other servers, by publishing copies. A message that is requeued itself
//! is marked as redelivered, and would not be run.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use lapin::BasicProperties;
use lapin::types::FieldTable;
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
                PublishOutcome::Unknown => message.consumers.requeue(message.tag()),
                _ => unsent.push(message),
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
        let fresh = self.is_enabled() && !message.delivery.redelivered;
        match message.source {
            // No other server consumes from this queue.
            Source::Fanout => drop(message.consumers.ack(message.tag())),
            _ if fresh && self.publish_copy(&message).await == PublishOutcome::Confirmed => {
                let _ = message.consumers.ack(message.tag());
            }
            _ => message.consumers.requeue(message.tag()),
        }
    }

    /// Publishes a copy of a message to the queue that it came from. It keeps its id, and what is left of its expiration.
    async fn publish_copy(&self, message: &Prefetched) -> PublishOutcome {
        let delivery = &message.delivery;
        let mut properties = copy_properties(&delivery.properties);
        if let Some(left) = remaining_ttl(&properties) {
            let left = left.saturating_sub(message.waited()).as_millis();
            properties = properties.with_expiration(left.to_string().into());
        }
        let queue = match message.source {
            Source::Topic => &self.queues.topic.name,
            Source::Server => &self.queues.server.name,
            Source::Fanout => &self.queues.fanout.name,
        };
        let (exchange, routing_key) = ("".into(), queue.as_str().into());
        let body = message.body.clone().into();
        self.confirmed.publish(Outgoing { exchange, routing_key, properties, body }).await
    }
}

/// Copies a message's properties, except the broker-directed properties: the broker would close our channel over another
/// user's `user-id`, and would put the copy into the queues of `CC` and `BCC` once more.
///
/// Each property is copied by name, as the AMQP library cannot unset one of a clone. The list is complete: AMQP has these,
/// `user-id`, and `cluster-id`, which is reserved. A property that is missing here is lost on redistribution. Headers are
/// copied by exclusion, so that a new one is never lost.
fn copy_properties(original: &BasicProperties) -> BasicProperties {
    let mut copy = BasicProperties::default();
    if let Some(headers) = original.headers() {
        let mut kept = FieldTable::default();
        for (name, value) in headers.inner() {
            if !matches!(name.as_str(), "CC" | "BCC") {
                kept.insert(name.clone(), value.clone());
            }
        }
        copy = copy.with_headers(kept);
    }
    /// Copies the properties named by their setter and getter.
    macro_rules! copy {
        ($($set:ident $get:ident),* $(,)?) => {
            $(if let Some(value) = original.$get() {
                copy = copy.$set(value.clone());
            })*
        };
    }
    copy!(
        with_content_type content_type,
        with_content_encoding content_encoding,
        with_delivery_mode delivery_mode,
        with_priority priority,
        with_correlation_id correlation_id,
        with_reply_to reply_to,
        with_expiration expiration,
        with_message_id message_id,
        with_timestamp timestamp,
        with_type kind,
        with_app_id app_id,
    );
    copy
}

#[cfg(test)]
mod tests {
    use lapin::types::AMQPValue;

    use super::*;

    #[test]
    fn a_copy_carries_nothing_that_its_publisher_asked_of_the_broker() {
        let mut headers = FieldTable::default();
        for name in ["CC", "BCC", "kept"] {
            headers.insert(name.into(), AMQPValue::LongString("x".into()));
        }
        let original = BasicProperties::default()
            .with_content_type("a".into())
            .with_content_encoding("b".into())
            .with_delivery_mode(2)
            .with_priority(3)
            .with_correlation_id("c".into())
            .with_reply_to("d".into())
            .with_expiration("4".into())
            .with_message_id("e".into())
            .with_timestamp(5)
            .with_type("f".into())
            .with_app_id("g".into());
        let mut kept = FieldTable::default();
        kept.insert("kept".into(), AMQPValue::LongString("x".into()));
        let copy =
            copy_properties(&original.clone().with_headers(headers).with_user_id("someone".into()));
        assert_eq!(copy, original.with_headers(kept));
    }
}
