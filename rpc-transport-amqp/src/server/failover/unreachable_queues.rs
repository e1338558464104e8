//! Finds the queues of a server whose node of the cluster is down.
//!
//! The fanout queue is the server's alone, so another name will do. The queues of topic and server have to keep theirs, as others
//! send to them by name, and so has a stream of fanouts, which others read: they are left out, and tried again until their node
//! is back.

use std::sync::Arc;

use crate::connection::Session;
use crate::topology::{Queue, ServerQueues, Unreachable, broker_declares};
use rpc_core::transport::QueueKind;

/// The queues that cannot be reached, and why.
#[derive(Default)]
pub(in crate::server) struct UnreachableQueues(Vec<(QueueKind, Unreachable)>);

impl UnreachableQueues {
    /// Finds out which queues of a server cannot be reached.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing stays on the broker.
    pub(in crate::server) async fn find(queues: &ServerQueues, session: &Arc<Session>) -> Self {
        if !broker_declares(queues.probe_name(), session).await {
            // It is not about single queues.
            return Self::default();
        }
        let check = async |queue: &Queue| match queue.left_out {
            true => None,
            false => queue.check_reachable(session).await.unreachable(),
        };
        let (topic, server, fanout) =
            tokio::join!(check(&queues.topic), check(&queues.server), check(&queues.fanout));
        let all =
            [(QueueKind::Topic, topic), (QueueKind::Server, server), (QueueKind::Fanout, fanout)];
        Self(all.into_iter().filter_map(|(kind, why)| Some((kind, why?))).collect())
    }

    /// Returns whether all can be reached.
    pub(in crate::server) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Replaces the fanout queue, leaves the others out, and logs that. Returns the fanout queue that was given up. It was first
    /// declared over `declared_at`.
    pub(in crate::server) fn leave_out(
        self,
        queues: &mut ServerQueues,
        declared_at: &str,
    ) -> Option<Queue> {
        let mut given_up = None;
        for (kind, why) in self.0 {
            if queues.keeps_name(kind) {
                let queue = queues.of_mut(kind);
                queue.left_out = true;
                log_left_out(queue, &why);
            } else {
                let new = queues.other_fanout();
                log_replaced(&queues.fanout, &why, declared_at, &new);
                given_up = Some(std::mem::replace(&mut queues.fanout, new));
            }
        }
        given_up
    }
}

/// Removes the binding of a fanout queue that was given up. Otherwise RabbitMQ 4 would nack each fanout until its node is back.
pub(in crate::server) async fn unbind(queue: &Queue, session: &Session) {
    if let Err(error) = queue.unbind(session).await {
        // RabbitMQ 3 knows nothing of the queue while its node is down.
        tracing::debug!(queue = %queue.name, %error, "did not unbind a fanout queue that was given up");
    }
}

/// Logs that a queue is left out.
pub(in crate::server) fn log_left_out(queue: &Queue, why: &Unreachable) {
    tracing::warn!(
        queue = %queue.name, node = why.node(), error = %why,
        "cannot reach a queue, consuming the others until its node is back"
    );
}

/// Logs that a fanout queue was replaced.
pub(in crate::server) fn log_replaced(
    lost: &Queue,
    why: &Unreachable,
    declared_at: &str,
    new: &Queue,
) {
    tracing::warn!(
        queue = %lost.name, node = why.node(), declared_at, error = %why, new = %new.name,
        "cannot reach the fanout queue, using a new one"
    );
}
