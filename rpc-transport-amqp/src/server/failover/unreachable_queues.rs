//! Finds the queues of a server whose node of the cluster is down.
//!
//! The fanout queue is the server's alone, so another name will do. The queues of topic and server have to keep theirs, as others
//! send to them by name, and so has a stream of fanouts, which others read: they are left out, and tried again until their node
//! is back.

use std::sync::Arc;

use rpc_core::transport::QueueKind;
use tokio::task::JoinHandle;

use crate::connection::Session;
use crate::topology::{Queue, Reachability, ServerQueues, Unreachable};

/// The queues that cannot be reached, and why.
#[derive(Default)]
pub(in crate::server) struct UnreachableQueues {
    /// Those that keep their names.
    left_out: Vec<(QueueKind, Unreachable)>,
    /// The server's own fanout queue, with the one that takes its place.
    replaced: Option<(Unreachable, Queue)>,
}

impl UnreachableQueues {
    /// Finds out which queues of a server cannot be reached, in a task of its own.
    pub(in crate::server) fn search(
        queues: &ServerQueues,
        session: &Arc<Session>,
    ) -> JoinHandle<Self> {
        let (queues, session) = (queues.clone(), Arc::clone(session));
        tokio::spawn(async move { Self::find(&queues, &session).await })
    }

    /// Deletes what a search has declared, as its result is not needed after all.
    pub(in crate::server) fn discard(search: JoinHandle<Self>, session: &Arc<Session>) {
        let session = Arc::clone(session);
        tokio::spawn(async move {
            if let Ok(Self { replaced: Some((_, spare)), .. }) = search.await {
                spare.delete_unused(&session).await;
            }
        });
    }

    /// Finds out which queues of a server cannot be reached.
    ///
    /// Not cancel safe: a queue that was declared to compare with would stay until it expires.
    pub(in crate::server) async fn find(queues: &ServerQueues, session: &Session) -> Self {
        let Some(spare) = spare_fanout(queues, session).await else {
            // It is not about single queues.
            return Self::default();
        };
        let check = async |queue: &Queue| match queue.left_out {
            true => None,
            false => queue.check_reachable(session).await.unreachable(),
        };
        let (topic, server, fanout) =
            tokio::join!(check(&queues.topic), check(&queues.server), check(&queues.fanout),);
        let left_out = [(QueueKind::Topic, topic), (QueueKind::Server, server)];
        let left_out = left_out.into_iter().filter_map(|(kind, why)| Some((kind, why?)));
        let mut found = Self { left_out: left_out.collect(), replaced: None };
        match fanout {
            Some(why) if !queues.keeps_name(QueueKind::Fanout) => {
                found.replaced = Some((why, spare));
                return found;
            }
            Some(why) => found.left_out.push((QueueKind::Fanout, why)),
            None => {}
        }
        spare.delete_unused(session).await;
        found
    }

    /// Returns whether all can be reached.
    pub(in crate::server) fn is_empty(&self) -> bool {
        self.left_out.is_empty() && self.replaced.is_none()
    }

    /// Replaces the fanout queue, leaves the others out, and logs that. Returns the fanout queue that was given up. It was first
    /// declared over `declared_at`.
    pub(in crate::server) fn leave_out(
        self,
        queues: &mut ServerQueues,
        declared_at: &str,
    ) -> Option<Queue> {
        for (kind, why) in self.left_out {
            let queue = queues.of_mut(kind);
            queue.left_out = true;
            log_left_out(queue, &why);
        }
        let (why, new) = self.replaced?;
        log_replaced(&queues.fanout, &why, declared_at, &new);
        Some(std::mem::replace(&mut queues.fanout, new))
    }
}

/// Declares another fanout queue if the server's own one cannot be reached. Returns `None` if the broker does not answer that either.
///
/// Not cancel safe: a queue that was declared to compare with would stay until it expires.
pub(in crate::server) async fn replace_fanout(
    queues: &ServerQueues,
    session: &Session,
) -> Option<Option<(Unreachable, Queue)>> {
    let spare = spare_fanout(queues, session).await?;
    Some(match queues.fanout.check_reachable(session).await.unreachable() {
        Some(why) => Some((why, spare)),
        None => {
            spare.delete_unused(session).await;
            None
        }
    })
}

/// Declares a fanout queue with another name. Returns `None` if the broker does not answer.
async fn spare_fanout(queues: &ServerQueues, session: &Session) -> Option<Queue> {
    let spare = queues.other_fanout();
    let reachability = spare.check_reachable(session).await;
    matches!(reachability, Reachability::Reachable).then_some(spare)
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
