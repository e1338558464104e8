//! The client half of a transport.

use std::sync::Arc;

use rpc_core::DecodeLimits;
use rpc_core::error::{Ran, SendError, TransportErrorKind};
use rpc_core::pending_calls::PendingCalls;
use tokio_util::sync::CancellationToken;

use super::accepted::AcceptedCalls;
use super::destination::Destinations;
use super::reply_consumer::ReplyConsumer;
use super::reply_queue::ReplyQueue;
use super::reply_router::{OnCancel, ReplyRouter};
use crate::config::Config;
use crate::connection::ConnectionSupervisor;
use crate::publish::{ConfirmedPublisher, PublisherSupervisor};
use crate::topology::QueueStatusReader;

/// Sends requests and waits for their replies.
pub(crate) struct Caller {
    pub(crate) config: Arc<Config>,
    pub(super) pending: PendingCalls,
    pub(super) destinations: Destinations,
    pub(super) accepted: Arc<AcceptedCalls>,
    pub(super) replies: Arc<ReplyConsumer>,
    pub(crate) publisher: Arc<PublisherSupervisor>,
    pub(super) confirmed: Arc<ConfirmedPublisher>,
    pub(super) queue_status: Arc<QueueStatusReader>,
    router: Arc<ReplyRouter>,
    closing: CancellationToken,
}

impl Caller {
    /// Creates the client half. Cancellations for servers arrive in the reply queue, too; they go to `on_cancel`.
    pub(crate) fn new(
        config: &Arc<Config>,
        consuming: Arc<ConnectionSupervisor>,
        publisher: Arc<PublisherSupervisor>,
        confirmed: Arc<ConfirmedPublisher>,
        queue_status: Arc<QueueStatusReader>,
        closing: CancellationToken,
        on_cancel: OnCancel,
    ) -> Arc<Self> {
        let queue = Arc::new(ReplyQueue::new(config));
        let accepted = AcceptedCalls::new(Arc::clone(&queue), Arc::clone(&publisher));
        let accepted = Arc::new(accepted);
        let pending = pending_calls(Arc::clone(&accepted));
        let limits = DecodeLimits::new().max_bytes(config.max_message);
        Arc::new(Self {
            config: Arc::clone(config),
            destinations: Destinations::new(Arc::clone(config), pending.clone()),
            replies: Arc::new(ReplyConsumer::new(queue, consuming)),
            router: Arc::new(ReplyRouter::new(
                limits,
                pending.clone(),
                Arc::clone(&accepted),
                on_cancel,
            )),
            accepted,
            pending,
            publisher,
            confirmed,
            queue_status,
            closing,
        })
    }

    /// Returns how many calls are pending.
    pub(crate) fn pending_calls(&self) -> usize {
        self.pending.len()
    }

    /// Returns how many replies found no call.
    pub(crate) fn unmatched_replies(&self) -> u64 {
        self.router.unmatched()
    }

    /// Returns the reply queue, if it is consumed now.
    pub(crate) fn open_reply_queue(&self) -> Option<Arc<str>> {
        self.replies.is_open().then(|| self.replies.queue.name())
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closing.is_cancelled()
    }

    /// Consumes the reply queue until the transport is closed.
    pub(crate) async fn consume_replies(&self) {
        let on_lost = |queue: &str| self.fail_calls_without_reply_queue(queue);
        self.replies.run(&self.router, &self.closing, &on_lost).await;
    }

    /// Fails the calls that were sent so far: their replies would go to `queue`, which cannot be reached.
    fn fail_calls_without_reply_queue(&self, queue: &str) {
        for destination in self.destinations.with_calls() {
            for call in destination.take_calls() {
                self.pending.fail(call, destination.address.reply_queue_lost(queue));
            }
        }
        self.accepted.retain(|call| self.pending.is_waiting(call));
    }

    /// Fails all pending calls, as the transport is closed.
    pub(crate) fn fail_pending_calls(&self) {
        let message = "the RabbitMQ transport was closed while the call waited for its reply";
        let error = SendError::new(TransportErrorKind::Closed, Ran::Unknown, message);
        self.pending.fail_all(&error);
    }
}

/// Creates the table of pending calls. A call that is dropped is cancelled at the server that has accepted it.
fn pending_calls(accepted: Arc<AcceptedCalls>) -> PendingCalls {
    PendingCalls::on_drop(move |call, _| accepted.cancel(call))
}
