//! Fails calls that wait at a queue whose last consumer has gone.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rpc_core::error::Ran;
use tokio::time::{MissedTickBehavior, interval};

use super::caller::Caller;
use super::destination::{CONSUMER_CHECK_TTL, Destination};
use crate::topology::QueueStatus;

/// How many destinations are checked at a time. Fewer than there are channels for checks, so that some are left for calls that are
/// being sent.
const MAX_CHECKS: usize = 8;

impl Caller {
    /// Checks, for calls that are pending for long, whether there is still a consumer that could receive them. Never returns.
    ///
    /// A server that shuts down finishes its calls, and consumes no more while it does. In the native dialect it has said that it
    /// has accepted them. In the oslo dialect, where no server says so, a call is failed only while messages wait.
    ///
    /// Destinations are checked side by side: the broker may be slow to answer for one of them.
    pub(crate) async fn watch_consumers(&self) {
        let mut tick = interval(CONSUMER_CHECK_TTL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut due = VecDeque::new();
        let mut checking: Vec<Arc<Destination>> = Vec::new();
        let mut checks = FuturesUnordered::new();
        loop {
            while checking.len() < MAX_CHECKS
                && let Some(destination) = due.pop_front()
            {
                checking.push(Arc::clone(&destination));
                checks.push(async move {
                    self.fail_calls_without_consumers(&destination).await;
                    destination
                });
            }
            tokio::select! {
                _ = tick.tick() => {
                    self.accepted.retain(|call| self.pending.is_waiting(call));
                    for destination in self.destinations.with_calls() {
                        let is_it = |other: &Arc<Destination>| Arc::ptr_eq(other, &destination);
                        if !checking.iter().any(is_it) && !due.iter().any(is_it) {
                            due.push_back(destination);
                        }
                    }
                }
                Some(destination) = checks.next() => {
                    checking.retain(|other| !Arc::ptr_eq(other, &destination));
                }
            }
        }
    }

    /// Fails the calls of one destination that wait for a consumer in vain.
    async fn fail_calls_without_consumers(&self, destination: &Destination) {
        let mut waiting = destination.long_pending(&self.pending);
        waiting.retain(|call| !self.accepted.contains(*call));
        if waiting.is_empty() || !self.has_no_consumers(destination).await {
            return;
        }
        for call in waiting.into_iter().filter(|call| !self.accepted.contains(*call)) {
            let queue = &destination.routing_key;
            self.pending.fail(call, destination.address.no_consumer(queue, Ran::Unknown));
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
