//! The server half of a transport.

use std::any::Any;
use std::sync::Arc;

use parking_lot::Mutex;
use rpc_core::DecodeLimits;
use rpc_core::transport::{Listen, ListenError, Listener};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::cancellation::{CancelQueue, CancelRegistry, announce_running_calls};
use super::consume_loop::ConsumeLoop;
use super::consumers::DeliverySink;
use super::fanout_stream::StreamPosition;
use super::listener::AmqpListener;
use super::prefetch::PrefetchBuffer;
use super::redistribution::{DEFAULT_DELIVERY_LIMIT, Redistributor};
use super::reply_retry::ReplyRetry;
use super::reply_sender::ReplySender;
use super::request_decoder::RequestDecoder;
use crate::config::Config;
use crate::connection::ConnectionSupervisor;
use crate::publish::{ConfirmedPublisher, PublisherSupervisor};
use crate::topology::{QueueStatusReader, ServerQueues};
use crate::wire::{ReplyTo, name_limits};

/// What all servers of a transport share.
pub(crate) struct Serving {
    config: Arc<Config>,
    consuming: Arc<ConnectionSupervisor>,
    publisher: Arc<PublisherSupervisor>,
    queue_status: Arc<QueueStatusReader>,
    running: Arc<CancelRegistry>,
    decoder: Arc<RequestDecoder>,
    closing: CancellationToken,
    tasks: TaskTracker,
}

impl Serving {
    /// Creates the server half.
    pub(crate) fn new(
        config: &Arc<Config>,
        consuming: Arc<ConnectionSupervisor>,
        publisher: Arc<PublisherSupervisor>,
        confirmed: Arc<ConfirmedPublisher>,
        queue_status: Arc<QueueStatusReader>,
        closing: CancellationToken,
        tasks: TaskTracker,
    ) -> Arc<Self> {
        let running = Arc::new(CancelRegistry::default());
        let retry_time = config.missing_reply_queue_timeout;
        let retry = ReplyRetry::new(retry_time, confirmed, closing.clone());
        let (publishes, max_message) = (Arc::clone(&publisher), config.max_message);
        let replies = ReplySender::new(publishes, Arc::new(retry), max_message);
        let limits = DecodeLimits::new().max_bytes(config.max_message);
        let decoder = RequestDecoder::new(limits, replies, Arc::clone(&running), tasks.clone());
        Arc::new(Self {
            config: Arc::clone(config),
            consuming,
            publisher,
            queue_status,
            running,
            decoder: Arc::new(decoder),
            closing,
            tasks,
        })
    }

    /// Consumes the queues of a server. Once it returns, messages reach this server. `keep_open` is held by the listener.
    ///
    /// # Errors
    ///
    /// Fails if the transport is closed, a name is too long for AMQP, there is no connection, or the broker rejects a queue.
    pub(crate) async fn listen(
        &self,
        listen: Listen,
        keep_open: Arc<dyn Any + Send + Sync>,
    ) -> Result<Box<dyn Listener>, ListenError> {
        let queues = ServerQueues::new(&self.config, &listen);
        if let Some(name) = queues.names().find(|name| !name_limits::fits_short_string(name)) {
            let reason = format!(
                "the name of one of its queues or exchanges takes {} bytes, and AMQP takes {}",
                name.len(),
                name_limits::MAX_LEN
            );
            return Err(ListenError::new(&listen, reason));
        }
        let sink = Arc::new(DeliverySink {
            buffer: PrefetchBuffer::default(),
            memory: Arc::clone(&listen.memory),
            ack_mode: listen.ack_mode,
            decoder: Arc::clone(&self.decoder),
            stream: queues.fanout_is_stream().then(|| Arc::new(StreamPosition::new())),
        });
        let (commands, received) = mpsc::unbounded_channel();
        let listener =
            AmqpListener::new(keep_open, Arc::clone(&sink), commands, self.config.consumer_timeout);
        let redistributor = Redistributor {
            sink: Arc::clone(&sink),
            topic_queue: queues.topic.name.clone(),
            queue_status: Arc::clone(&self.queue_status),
            delivery_limit: self
                .config
                .queues
                .limits
                .delivery_limit
                .unwrap_or(DEFAULT_DELIVERY_LIMIT),
            returned: Mutex::default(),
        };
        let consume_loop = ConsumeLoop {
            consuming: Arc::clone(&self.consuming),
            max_prefetch: self.config.prefetch,
            listen,
            queues,
            declared_at: <(String, String)>::default(),
            sink,
            redistributor: Arc::new(redistributor),
            commands: received,
            closing: self.closing.clone(),
            queues_declared: false,
        };
        consume_loop.start(&self.tasks).await?;
        Ok(Box::new(listener))
    }

    /// Cancels the method of a call whose caller has dropped it.
    pub(crate) fn cancel(&self, call: &ReplyTo) {
        self.running.cancel(call);
    }

    /// Tells callers of methods that run for a while where to cancel them. Never returns.
    pub(crate) async fn announce_running_calls(&self, queue: CancelQueue) {
        announce_running_calls(&self.running, &self.publisher, queue).await;
    }
}
