//! What a server takes its deliveries from.

use std::any::Any;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rpc_core::transport::{Incoming, ListenError, Listener};
use rpc_core::{BoxFuture, MaybeReady};
use tokio::sync::{mpsc, oneshot};

use super::consume_loop::Command;
use super::consumers::DeliverySink;

/// The listener of one server.
pub(super) struct AmqpListener {
    /// A server keeps its transport open, even if no one else has a handle on it.
    _keep_open: Arc<dyn Any + Send + Sync>,
    sink: Arc<DeliverySink>,
    commands: mpsc::UnboundedSender<Command>,
    consumer_timeout: Option<Duration>,
}

impl AmqpListener {
    pub(super) fn new(
        keep_open: Arc<dyn Any + Send + Sync>,
        sink: Arc<DeliverySink>,
        commands: mpsc::UnboundedSender<Command>,
        consumer_timeout: Option<Duration>,
    ) -> Self {
        Self { _keep_open: keep_open, sink, commands, consumer_timeout }
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

impl Listener for AmqpListener {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Incoming, ListenError>>> {
        loop {
            let next = ready!(self.sink.buffer.poll_take(cx));
            let Some(message) = next else { return Poll::Ready(None) };
            if !message.settlement.is_taken_back() {
                return Poll::Ready(Some(Ok(Incoming::Encoded(message))));
            }
        }
    }

    fn ack_timeout(&self) -> Option<Duration> {
        self.consumer_timeout
    }

    fn stop_consuming(&mut self) -> MaybeReady<()> {
        MaybeReady::pending(self.command(Command::StopConsuming))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(self.command(Command::Close))
    }
}
