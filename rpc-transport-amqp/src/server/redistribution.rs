//! Returns messages that wait for a permit, so that other servers can have them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rpc_core::transport::QueueKind;
use rpc_core::transport::delivery_memory::MessageKey;

use super::consumers::{Consumers, DeliverySink};
use super::prefetch::Prefetched;
use crate::topology::{QueueStatus, QueueStatusReader};

/// How long a message waits for a permit before it is returned, if other servers are free.
pub(super) const REDISTRIBUTE_AFTER: Duration = Duration::from_millis(100);
/// How often a message is returned at most: by all servers where the broker counts, by this one where it does not.
const MAX_RETURNS: u32 = 2;
/// The limit of quorum queues since RabbitMQ 4.0, unless the queue says otherwise.
pub(super) const DEFAULT_DELIVERY_LIMIT: u32 = 20;
/// How many returns are remembered.
const MAX_REMEMBERED: usize = 1024;

/// Redistributes the messages of one server.
///
/// While all permits are in use, no idle server could have the messages that wait here. Returned alone, they could come
/// straight back. So the server also has the broker prefer the other servers of the topic, until it is idle itself.
pub(super) struct Redistributor {
    pub(super) sink: Arc<DeliverySink>,
    pub(super) topic_queue: String,
    pub(super) queue_status: Arc<QueueStatusReader>,
    /// How often a quorum queue delivers a message before it drops it, as far as this server knows.
    pub(super) delivery_limit: u32,
    pub(super) returned: Mutex<VecDeque<MessageKey>>,
}

impl Redistributor {
    /// Returns whether there is something to do.
    pub(super) fn is_due(&self, consumers: &Consumers) -> bool {
        // Where messages are acknowledged after the reply, one that waits could not be told from one whose method runs.
        self.sink.ack_mode.is_before_invoke()
            && (self.sink.buffer.has_old(REDISTRIBUTE_AFTER)
                || (consumers.is_yielding() && self.sink.buffer.is_idle()))
    }

    /// Returns messages that have waited for long, if other servers are free.
    pub(super) async fn redistribute(&self, consumers: &Arc<Consumers>) {
        if self.sink.buffer.is_idle() {
            let _ = consumers.set_yielding(false).await;
        } else if self.others_are_free().await && consumers.set_yielding(true).await.is_ok() {
            let old =
                self.sink.buffer.take_old(REDISTRIBUTE_AFTER, |message| self.may_return(message));
            // Dropped, they return to their queue.
            drop(old);
        }
    }

    /// Returns whether the queue has other consumers and is empty. If messages wait there, the others are busy, too.
    async fn others_are_free(&self) -> bool {
        let status = self.queue_status.read(&self.topic_queue).await;
        matches!(status, Ok(Some(QueueStatus::Exists { consumers: 2.., messages: 0 })))
    }

    /// Returns whether a message can be returned, and remembers that it is.
    fn may_return(&self, message: &Prefetched) -> bool {
        if message.queue != QueueKind::Topic {
            return false;
        }
        let Some(key) = message.key() else { return false };
        let mut returned = self.returned.lock();
        let count = message.delivery_count().unwrap_or_else(|| {
            u32::try_from(returned.iter().filter(|known| **known == key).count())
                .unwrap_or(u32::MAX)
        });
        if count >= MAX_RETURNS || count + 2 >= self.delivery_limit {
            return false;
        }
        if returned.len() == MAX_REMEMBERED {
            returned.pop_front();
        }
        returned.push_back(key);
        true
    }

    /// Returns all messages that wait to their queues, as this server takes no more of them.
    pub(super) fn return_all(&self) {
        return_each(self.sink.buffer.clear());
    }

    /// Returns the messages that wait to their queues, as their consumers are gone. The next consumer of a stream begins behind
    /// those that wait, so they stay.
    pub(super) fn return_redelivered(&self) {
        return_each(self.sink.buffer.take_redelivered());
    }
}

/// Returns messages to their queues. Fanouts are settled, as no other server could have them.
fn return_each(messages: VecDeque<Box<Prefetched>>) {
    for mut message in messages {
        if message.queue == QueueKind::Fanout {
            message.settled = true;
            message.settlement.discard();
        }
    }
}
