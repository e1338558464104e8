//! What a server takes its deliveries from.

use std::any::Any;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rpc_core::transport::{Delivery, ListenError, Listener};
use rpc_core::{BoxFuture, DecodeLimits, Failure, FailureKind, MaybeReady};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

use super::cancellation::CancelRegistry;
use super::consume_loop::Command;
use super::delivery::AmqpDelivery;
use super::prefetch::{PrefetchBuffer, Prefetched};
use super::reply_sender::ReplySender;
use crate::wire::{self, DecodeError};

/// What makes deliveries of messages.
pub(super) struct Inbound {
    pub(super) limits: DecodeLimits,
    pub(super) replies: Arc<ReplySender>,
    pub(super) running: Arc<CancelRegistry>,
    pub(super) tasks: TaskTracker,
}

/// The listener of one server.
pub(super) struct AmqpListener {
    /// A server keeps its transport open, even if no one else has a handle on it.
    _keep_open: Arc<dyn Any + Send + Sync>,
    inbound: Arc<Inbound>,
    buffer: Arc<PrefetchBuffer>,
    commands: mpsc::UnboundedSender<Command>,
}

impl AmqpListener {
    pub(super) fn new(
        keep_open: Arc<dyn Any + Send + Sync>,
        inbound: Arc<Inbound>,
        buffer: Arc<PrefetchBuffer>,
        commands: mpsc::UnboundedSender<Command>,
    ) -> Self {
        Self { _keep_open: keep_open, inbound, buffer, commands }
    }

    /// Sends a command to the consume loop. The future resolves when the loop has carried it out, or is gone.
    fn command(
        &self,
        command: fn(oneshot::Sender<()>) -> Command,
    ) -> impl Future<Output = ()> + 'static {
        let (done, when_done) = oneshot::channel();
        let _ = self.commands.send(command(done));
        async move { drop(when_done.await) }
    }
}

impl Inbound {
    /// Decodes a message. Rejects it if it cannot be decoded.
    fn delivery(&self, message: Prefetched) -> Option<Box<dyn Delivery>> {
        let delivery = &message.delivery;
        match wire::decode_request(
            &delivery.properties,
            &delivery.data,
            message.since,
            &self.limits,
        ) {
            Ok(decoded) => {
                let delivery = AmqpDelivery::new(&self.replies, &self.running, &message, decoded);
                Some(Box::new(delivery))
            }
            Err(error) => {
                self.reject(&message, error);
                None
            }
        }
    }

    /// Rejects a message that cannot be decoded, and tells its caller, if there is a reply queue.
    #[cold]
    fn reject(&self, message: &Prefetched, DecodeError { reason, reply_to }: DecodeError) {
        tracing::warn!(%reason, "rejected a message that cannot be decoded");
        message.consumers.reject(message.tag());
        let Some(reply_to) = reply_to else { return };
        let failure = Failure::new(FailureKind::Malformed, "Malformed", reason);
        let reply = wire::encode_reply(&reply_to, None, Err(failure));
        if let MaybeReady::Pending(sent) = self.replies.send(reply, None) {
            self.tasks.spawn(sent);
        }
    }
}

impl Listener for AmqpListener {
    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Box<dyn Delivery>, ListenError>>> {
        loop {
            let Some(message) = ready!(self.buffer.poll_take(cx)) else { return Poll::Ready(None) };
            // The broker delivers what came over a lost connection again.
            if !message.consumers.is_open() {
                continue;
            }
            if let Some(delivery) = self.inbound.delivery(message) {
                return Poll::Ready(Some(Ok(delivery)));
            }
        }
    }

    fn stop_consuming(&mut self) -> MaybeReady<()> {
        MaybeReady::pending(self.command(Command::StopConsuming))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(self.command(Command::Close))
    }
}
