//! Fails calls that wait at a queue whose last consumer has gone.

use rpc_core::error::Ran;

use super::caller::Caller;
use super::destination::{CONSUMER_CHECK_TTL, Destination};
use crate::topology::QueueStatus;

impl Caller {
    /// Checks, for calls that are pending for long, whether there is still a consumer that could receive them. Never returns.
    ///
    /// A server that shuts down finishes its calls, and consumes no more while it does. In the native dialect it has said that it
    /// has accepted them. In the oslo dialect, where no server says so, a call is failed only while messages wait.
    pub(crate) async fn watch_consumers(&self) {
        loop {
            tokio::time::sleep(CONSUMER_CHECK_TTL).await;
            self.accepted.retain(|call| self.pending.is_waiting(call));
            for destination in self.destinations.with_calls() {
                let mut waiting = destination.long_pending(&self.pending);
                waiting.retain(|call| !self.accepted.contains(*call));
                if waiting.is_empty() || !self.has_no_consumers(&destination).await {
                    continue;
                }
                for call in waiting.into_iter().filter(|call| !self.accepted.contains(*call)) {
                    let queue = &destination.routing_key;
                    let error = destination.address.no_consumer(queue, Ran::Unknown);
                    self.pending.fail(call, error);
                }
            }
        }
    }

    /// Returns whether the queue had no consumer in two checks in a row, while a message may wait there.
    async fn has_no_consumers(&self, destination: &Destination) -> bool {
        match self.queue_status.read(&destination.routing_key).await {
            Ok(Some(QueueStatus::Exists { consumers: 0, messages })) => {
                let waits = messages > 0 || self.config.dialect.can_cancel();
                destination.missed_consumers_twice() && waits
            }
            Ok(Some(QueueStatus::Missing)) => destination.missed_consumers_twice(),
            Ok(Some(QueueStatus::Exists { .. })) => {
                destination.note_consumers(true);
                false
            }
            // The status cannot be read now.
            Ok(None) | Err(_) => false,
        }
    }
}
