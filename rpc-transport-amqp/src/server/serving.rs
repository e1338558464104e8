//! The server half of a transport.

use std::any::Any;
use std::sync::Arc;

use rpc_core::DecodeLimits;
use rpc_core::transport::{Listen, ListenError, Listener};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::cancellation::{CancelQueue, CancelRegistry, announce_running_calls};
use super::consume_loop::ConsumeLoop;
use super::listener::{AmqpListener, Inbound};
use super::prefetch::PrefetchBuffer;
use super::redistribution::Redistributor;
use super::reply_retry::ReplyRetry;
use super::reply_sender::ReplySender;
use crate::config::Config;
use crate::connection::ConnectionSupervisor;
use crate::publish::{ConfirmedPublisher, PublisherSupervisor};
use crate::topology::{QueueStatusReader, ServerQueues, unique_name};
use crate::wire::names;

/// What all servers of a transport share.
pub(crate) struct Serving {
    config: Arc<Config>,
    consuming: Arc<ConnectionSupervisor>,
    publisher: Arc<PublisherSupervisor>,
    confirmed: Arc<ConfirmedPublisher>,
    queue_status: Arc<QueueStatusReader>,
    inbound: Arc<Inbound>,
    retry: ReplyRetry,
    closing: CancellationToken,
    tasks: TaskTracker,
}

/// What both halves of a transport use, for the server half.
pub(crate) struct ServingParts {
    pub(crate) config: Arc<Config>,
    pub(crate) consuming: Arc<ConnectionSupervisor>,
    pub(crate) publisher: Arc<PublisherSupervisor>,
    pub(crate) confirmed: Arc<ConfirmedPublisher>,
    pub(crate) queue_status: Arc<QueueStatusReader>,
    pub(crate) running: Arc<CancelRegistry>,
    pub(crate) closing: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

impl Serving {
    /// Creates the server half.
    pub(crate) fn new(parts: ServingParts) -> Arc<Self> {
        let ServingParts {
            config,
            consuming,
            publisher,
            confirmed,
            queue_status,
            running,
            closing,
            tasks,
        } = parts;
        let replies = ReplySender::new(Arc::clone(&publisher), config.max_message);
        let limits = DecodeLimits::new().max_bytes(config.max_message);
        let inbound = Inbound { limits, replies, running, tasks: tasks.clone() };
        let retry = ReplyRetry::new(
            config.missing_reply_queue_timeout,
            Arc::clone(&confirmed),
            closing.clone(),
        );
        Arc::new(Self {
            config,
            consuming,
            publisher,
            confirmed,
            queue_status,
            inbound: Arc::new(inbound),
            retry,
            closing,
            tasks,
        })
    }

    /// Consumes the queues of a server. Once it returns, messages reach this server. `keep_open` is held by the listener.
    ///
    /// # Errors
    ///
    /// The transport is closed, a name is too long for AMQP, there is no connection, or the broker refuses a queue.
    pub(crate) async fn listen(
        &self,
        listen: Listen,
        keep_open: Arc<dyn Any + Send + Sync>,
    ) -> Result<Box<dyn Listener>, ListenError> {
        let queues = ServerQueues::new(&self.config, &listen, &unique_name());
        if let Some(name) = queues.names().find(|name| !names::fits(name)) {
            let reason = format!(
                "the name of one of its queues or exchanges takes {} bytes, and AMQP takes {}",
                name.len(),
                names::MAX_LEN
            );
            return Err(ListenError::new(&listen, reason));
        }
        let buffer = Arc::new(PrefetchBuffer::default());
        let (commands, received) = mpsc::unbounded_channel();
        let listener =
            AmqpListener::new(keep_open, Arc::clone(&self.inbound), Arc::clone(&buffer), commands);
        let redistributor = Redistributor {
            buffer: Arc::clone(&buffer),
            queues: queues.clone(),
            ack_mode: listen.ack_mode,
            publisher: Arc::clone(&self.publisher),
            confirmed: Arc::clone(&self.confirmed),
            queue_status: Arc::clone(&self.queue_status),
        };
        let consume_loop = ConsumeLoop {
            consuming: Arc::clone(&self.consuming),
            max_prefetch: self.config.prefetch,
            listen,
            queues,
            buffer,
            redistributor: Arc::new(redistributor),
            commands: received,
            closing: self.closing.clone(),
        };
        consume_loop.start(&self.tasks).await?;
        Ok(Box::new(listener))
    }

    /// Handles a returned message that is not a request: a reply or a notice.
    pub(crate) fn on_return(&self, message: lapin::message::Delivery) {
        self.retry.on_return(message);
    }

    /// Tells callers of methods that run for a while where to cancel them. Never returns.
    pub(crate) async fn announce_running_calls(&self, queue: CancelQueue) {
        announce_running_calls(&self.inbound.running, &self.publisher, queue).await;
    }
}
