//! Starts single consumers of a server again, while the others go on: those that the broker has cancelled, and those of queues that
//! were left out.

use std::sync::Arc;
use std::time::Duration;

use rpc_core::transport::QueueKind;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::unreachable_queues::{log_left_out, log_replaced, unbind};
use crate::server::consumers::Consumers;
use crate::topology::{Queue, Reachability, ServerQueues, broker_declares};

/// Delay before another attempt. It doubles with each attempt.
const RETRY_DELAY: Duration = Duration::from_millis(250);
/// The longest delay.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(4);

/// The attempts under way. Dropping it ends them.
pub(in crate::server) struct RestoredConsumers {
    consumers: Arc<Consumers>,
    attempts: JoinSet<(QueueKind, Queue)>,
}

impl RestoredConsumers {
    /// Begins to try the queues that were left out, until they can be reached.
    pub(in crate::server) fn begin(queues: &ServerQueues, consumers: &Arc<Consumers>) -> Self {
        let mut restored = Self { consumers: Arc::clone(consumers), attempts: JoinSet::new() };
        for kind in [QueueKind::Topic, QueueKind::Server, QueueKind::Fanout] {
            if queues.of(kind).left_out {
                restored.spawn_shared(kind, queues.of(kind).clone());
            }
        }
        restored
    }

    /// Begins to restore a consumer that the broker has cancelled. `declared_at` is where the fanout queue was first declared.
    pub(in crate::server) fn restore(
        &mut self,
        kind: QueueKind,
        queues: &ServerQueues,
        declared_at: &str,
    ) {
        if queues.keeps_name(kind) {
            return self.spawn_shared(kind, queues.of(kind).clone());
        }
        let consumers = Arc::clone(&self.consumers);
        let (queues, declared_at) = (queues.clone(), declared_at.to_owned());
        self.attempts
            .spawn(async move { (kind, restore_fanout(&queues, &consumers, &declared_at).await) });
    }

    fn spawn_shared(&mut self, kind: QueueKind, queue: Queue) {
        let consumers = Arc::clone(&self.consumers);
        self.attempts.spawn(async move { (kind, restore_shared(kind, queue, &consumers).await) });
    }

    /// Waits until one more queue is consumed, and returns it. Never returns if there is none to be restored.
    ///
    /// Cancel safe: an attempt that has ended is returned by the next call.
    pub(in crate::server) async fn next(&mut self) -> (QueueKind, Queue) {
        loop {
            match self.attempts.join_next().await {
                Some(Ok(restored)) => return restored,
                // Its runtime is shut down.
                Some(Err(_)) => {}
                None => std::future::pending().await,
            }
        }
    }
}

/// Consumes a queue that keeps its name as soon as it can be reached.
async fn restore_shared(kind: QueueKind, mut queue: Queue, consumers: &Arc<Consumers>) -> Queue {
    let mut delay = RETRY_DELAY;
    loop {
        // On a channel of its own: the broker closes the channel if it refuses.
        match queue.check_reachable(consumers.session()).await {
            Reachability::Reachable => break,
            other => {
                if let Some(why) = other.unreachable()
                    && !queue.left_out
                {
                    queue.left_out = true;
                    log_left_out(&queue, &why);
                }
            }
        }
        sleep(delay).await;
        delay = (delay * 2).min(MAX_RETRY_DELAY);
    }
    if queue.left_out {
        tracing::info!(queue = %queue.name, "a queue can be reached again, consuming it");
        queue.left_out = false;
    }
    // If this fails, the channel is closed, and the server consumes all queues anew.
    let _ = consumers.add(kind, &queue).await;
    queue
}

/// Consumes the fanout queue, or another one if it cannot be reached.
async fn restore_fanout(
    queues: &ServerQueues,
    consumers: &Arc<Consumers>,
    declared_at: &str,
) -> Queue {
    let session = consumers.session();
    let mut delay = RETRY_DELAY;
    // Otherwise it is not about this queue.
    while !broker_declares(queues.probe_name(), session).await {
        sleep(delay).await;
        delay = (delay * 2).min(MAX_RETRY_DELAY);
    }
    let Some(why) = queues.fanout.check_reachable(session).await.unreachable() else {
        let _ = consumers.add(QueueKind::Fanout, &queues.fanout).await;
        return queues.fanout.clone();
    };
    let new = queues.other_fanout();
    log_replaced(&queues.fanout, &why, declared_at, &new);
    let _ = consumers.add(QueueKind::Fanout, &new).await;
    unbind(&queues.fanout, session).await;
    new
}
