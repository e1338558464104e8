//! Ends calls whose server has gone, as when its process was killed.
//!
//! A server that has accepted a call has said at which queue it receives cancellations: the reply queue of its process. The broker
//! knows at once when that process no longer consumes it. Calls that are over within 50 ms are never accepted, and cost nothing.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use rpc_core::error::{Ran, SendError, TransportErrorKind};
use tokio::time::{MissedTickBehavior, interval};

use super::caller::Caller;
use crate::topology::QueueStatus;

/// How often servers with accepted calls are checked.
const CHECK_INTERVAL: Duration = Duration::from_millis(1500);
/// How many checks in a row find that a server is gone until its calls end. A server that reconnects may be missed by some.
const MAX_MISSES: u32 = 3;
/// How many servers are checked at a time.
const MAX_CHECKS: usize = 4;

impl Caller {
    /// Checks the servers of accepted calls. Never returns.
    pub(crate) async fn watch_servers(&self) {
        let mut tick = interval(CHECK_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut misses = HashMap::<Box<str>, u32>::new();
        loop {
            tick.tick().await;
            let servers = self.accepted.by_server(|call| self.pending.is_waiting(call));
            misses.retain(|queue, _| servers.contains_key(queue));
            let checks = servers.into_iter().map(async |(queue, calls)| {
                let status = self.queue_status.read(&queue).await;
                (queue, calls, status)
            });
            let mut checks = stream::iter(checks).buffer_unordered(MAX_CHECKS);
            while let Some((queue, calls, status)) = checks.next().await {
                match status {
                    Ok(Some(QueueStatus::Exists { consumers: 1.., .. })) => {
                        misses.remove(&queue);
                    }
                    Ok(Some(_)) => {
                        let count = misses.entry(queue.clone()).or_default();
                        *count += 1;
                        if *count >= MAX_MISSES {
                            for call in calls {
                                self.accepted.remove(call);
                                self.pending.fail(call, server_gone(&queue));
                            }
                        }
                    }
                    // The status cannot be read now.
                    Ok(None) | Err(_) => {}
                }
            }
        }
    }
}

#[cold]
fn server_gone(queue: &str) -> SendError {
    let message = format!(
        "the server that ran the method is gone: its process no longer consumes its queue `{queue}`"
    );
    SendError::new(TransportErrorKind::Interrupted, Ran::Unknown, message)
}
