//! A server's consumers on one session. What they deliver can be settled on their channel alone.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use rpc_amqp::{
    Channel, ConsumeOptions, Consumer, ConsumerEnd, Delivery, Error, Field, FieldTable,
};
use rpc_core::MaybeReady;
use rpc_core::transport::delivery_memory::{DeliveryMemory, MessageKey};
use rpc_core::transport::{AckError, AckMode, QueueKind};
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

use super::acks::{Ack, AckBatch, Settlement, send_acks};
use super::fanout_stream::{StreamPosition, StreamReceiver};
use super::prefetch::{PrefetchBuffer, Prefetched};
use super::request_decoder::RequestDecoder;
use crate::connection::Session;
use crate::topology::{Queue, ServerQueues, consumer_tag};

/// The priority of the topic's consumer while it gives way to other servers: below the broker's default of 0.
const YIELDING_PRIORITY: i64 = -1;

/// Where the deliveries of a server go, whatever connection they come over.
pub(super) struct DeliverySink {
    pub(super) buffer: PrefetchBuffer,
    pub(super) memory: Arc<DeliveryMemory>,
    pub(super) ack_mode: AckMode,
    pub(super) decoder: Arc<RequestDecoder>,
    /// Where the server reads the stream of fanouts, if there is one. Otherwise it has a fanout queue of its own.
    pub(super) stream: Option<Arc<StreamPosition>>,
}

/// The consumers of a server, on one channel.
pub(super) struct Consumers {
    session: Arc<Session>,
    channel: Channel,
    /// Of the consumers that were started last.
    tags: Mutex<[Option<String>; 3]>,
    queues: Mutex<ServerQueues>,
    prefetch: u16,
    sink: Arc<DeliverySink>,
    acks: Mutex<AckBatch>,
    /// Notified when an ack waits to be sent.
    ack_waits: Arc<Notify>,
    /// Whether the topic's consumer gives way to other servers.
    yielding: AtomicBool,
    /// The consumers that the broker has cancelled.
    cancelled: Mutex<Vec<QueueKind>>,
    /// Notified when there is one more.
    cancels: Notify,
    /// Cancelled when the channel has ended, with all consumers.
    ended: CancellationToken,
}

impl Consumers {
    /// Declares the three queues and starts to consume from them.
    pub(super) async fn open(
        session: &Arc<Session>,
        queues: &ServerQueues,
        prefetch: u16,
        sink: &Arc<DeliverySink>,
    ) -> Result<Arc<Self>, Error> {
        let mut queues = queues.clone();
        let channel = loop {
            let channel = session.connection.open_channel().await?;
            channel.qos(prefetch).await?;
            match queues.declare(&channel).await? {
                None => break channel,
                Some(exchange) => queues.accept_transient(&exchange),
            }
        };
        let consumers = Arc::new(Self {
            session: Arc::clone(session),
            channel,
            tags: Mutex::default(),
            queues: Mutex::new(queues),
            prefetch,
            sink: Arc::clone(sink),
            acks: Mutex::new(AckBatch::new(prefetch)),
            ack_waits: Arc::default(),
            yielding: AtomicBool::new(false),
            cancelled: Mutex::default(),
            cancels: Notify::new(),
            ended: CancellationToken::new(),
        });
        // Before there are consumers: if a later one cannot be started, methods may already wait for acks of messages of the first.
        let ack_waits = Arc::clone(&consumers.ack_waits);
        tokio::spawn(send_acks(Arc::downgrade(&consumers), ack_waits, sink.ack_mode));
        let attempt = CloseOnDrop(Some(Arc::clone(&consumers)));
        for queue in [QueueKind::Topic, QueueKind::Server, QueueKind::Fanout] {
            let left_out = consumers.queues.lock().of(queue).left_out;
            if !left_out {
                consumers.consume(queue, None).await?;
            }
        }
        attempt.succeed();
        Ok(consumers)
    }

    /// Starts to consume a queue. Returns the tag of the consumer before.
    async fn consume(
        self: &Arc<Self>,
        queue: QueueKind,
        arguments: Option<&FieldTable>,
    ) -> Result<Option<String>, Error> {
        // The tags begin with the whole tags of oslo.messaging.
        let (at, prefix) = match queue {
            QueueKind::Topic => (0, "1"),
            QueueKind::Server => (1, "2"),
            QueueKind::Fanout => (2, "3"),
        };
        let name = self.queues.lock().of(queue).name.clone();
        let tag = consumer_tag(prefix);
        let receiver = DeliveryReceiver {
            consumers: Arc::downgrade(self),
            queue,
            sink: Arc::clone(&self.sink),
            ended: self.ended.clone(),
        };
        match &self.sink.stream {
            Some(position) if queue == QueueKind::Fanout => {
                self.read_stream(&name, &tag, position, receiver).await?;
            }
            _ => {
                let exclusive = queue == QueueKind::Fanout;
                let options = ConsumeOptions { exclusive, arguments, ..ConsumeOptions::default() };
                self.channel.consume(&name, &tag, &options, Arc::new(receiver)).await?;
            }
        }
        Ok(self.tags.lock()[at].replace(tag))
    }

    /// Starts to consume a stream where the server has stopped to read it.
    async fn read_stream(
        &self,
        name: &str,
        tag: &str,
        position: &Arc<StreamPosition>,
        receiver: DeliveryReceiver,
    ) -> Result<(), Error> {
        let arguments = position.arguments()?;
        let options = ConsumeOptions { arguments: Some(&arguments), ..ConsumeOptions::default() };
        let receiver = StreamReceiver { receiver, position: Arc::clone(position) };
        self.channel.consume(name, tag, &options, Arc::new(receiver)).await?;
        position.note_start();
        Ok(())
    }

    /// Declares a queue and starts to consume it, beside the others that are consumed. The broker has cancelled its consumer, or it was
    /// left out so far.
    pub(super) async fn add(self: &Arc<Self>, kind: QueueKind, queue: &Queue) -> Result<(), Error> {
        queue.declare_with_exchange(&self.channel).await?;
        self.queues.lock().set(kind, queue.clone());
        if kind == QueueKind::Topic {
            self.yielding.store(false, Ordering::Relaxed);
        }
        self.consume(kind, None).await.map(drop)
    }

    /// Returns the session of the channel.
    pub(super) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Waits until the broker has cancelled a consumer, and returns of which queue.
    ///
    /// Cancel safe: what was not returned is returned by the next call.
    pub(super) async fn cancelled(&self) -> QueueKind {
        loop {
            if let Some(queue) = self.cancelled.lock().pop() {
                return queue;
            }
            self.cancels.notified().await;
        }
    }

    /// Has the broker prefer other servers of the topic, or no longer, without a moment in which this server does not consume.
    pub(super) async fn set_yielding(self: &Arc<Self>, yielding: bool) -> Result<(), Error> {
        if self.queues.lock().topic.left_out
            || self.yielding.swap(yielding, Ordering::Relaxed) == yielding
        {
            return Ok(());
        }
        let mut arguments = FieldTable::new();
        if yielding {
            arguments.insert("x-priority", Field::I64(YIELDING_PRIORITY))?;
        }
        match self.consume(QueueKind::Topic, Some(&arguments)).await? {
            Some(before) => self.channel.cancel(&before).await,
            None => Ok(()),
        }
    }

    /// Returns whether the topic's consumer gives way to other servers.
    pub(super) fn is_yielding(&self) -> bool {
        self.yielding.load(Ordering::Relaxed)
    }

    /// Waits until the channel or the session has ended.
    ///
    /// Cancel safe: nothing is consumed by waiting.
    pub(super) async fn ended(&self) {
        tokio::select! {
            () = self.ended.cancelled() => {}
            () = self.session.ended() => {}
        }
    }

    /// Returns whether messages can still be settled.
    pub(super) fn is_open(&self) -> bool {
        self.channel.is_open()
    }

    /// Acks one message. The ack is sent a moment later. If the ack mode waits for the broker, the result is ready when the broker
    /// has processed it.
    ///
    /// # Errors
    ///
    /// Fails if the channel is closed.
    pub(super) fn ack(
        self: &Arc<Self>,
        tag: u64,
        key: Option<MessageKey>,
    ) -> MaybeReady<Result<(), AckError>> {
        if !self.is_open() {
            return MaybeReady::ready(Err(AckError::new(
                "the consumer's channel is closed; the broker requeues the message",
            )));
        }
        let pending = self.sink.memory.pending_ack(key);
        if !self.sink.ack_mode.waits_for_broker() {
            self.push_ack(Ack { tag, pending, waiter: None });
            return MaybeReady::ready(Ok(()));
        }
        let (waiter, processed) = oneshot::channel();
        self.push_ack(Ack { tag, pending, waiter: Some(waiter) });
        MaybeReady::pending(async move {
            processed.await.unwrap_or_else(|_| {
                Err(AckError::in_doubt(
                    "the consumer's channel was closed before the broker confirmed the acknowledgement",
                ))
            })
        })
    }

    /// Acks one message of a stream, so that the broker delivers more. Nobody need wait for that: the message cannot come back.
    pub(super) fn ack_stream(&self, tag: u64, key: Option<MessageKey>) {
        self.sink.memory.pending_ack(key).confirm();
        if self.is_open() {
            self.push_ack(Ack { tag, pending: self.sink.memory.pending_ack(None), waiter: None });
        }
    }

    fn push_ack(&self, ack: Ack) {
        let (first, full) = {
            let mut acks = self.acks.lock();
            (acks.push(ack), acks.is_full())
        };
        if full && !self.sink.ack_mode.waits_for_broker() {
            self.flush();
        } else if first {
            self.ack_waits.notify_one();
        }
    }

    /// Sends the acks that wait.
    pub(super) fn flush(&self) {
        // Under the lock, so that an ack for several messages cannot overtake a nack of one of them.
        self.acks.lock().flush(|frame| self.channel.ack(frame.tag, frame.multiple));
    }

    /// Waits until the broker has processed the acks that have been sent.
    ///
    /// AMQP does not confirm acks. But a channel carries out its methods in order, so the answer to a later one is the sign. If
    /// there is none, the messages are in doubt.
    pub(super) async fn confirm_acks(&self) {
        let sent = self.acks.lock().take_sent();
        if !sent.is_empty() && self.channel.qos(self.prefetch).await.is_ok() {
            sent.into_iter().for_each(Ack::confirm);
        }
    }

    /// Returns one message to its queue.
    pub(super) fn requeue(&self, tag: u64) {
        if self.is_open() {
            let mut acks = self.acks.lock();
            // Not rejected: since RabbitMQ 4.3 only that counts towards the delivery limit of a quorum queue.
            let _ = self.channel.nack(tag, false, true);
            acks.settle(tag);
        }
    }

    /// Rejects one message, so that the broker drops it, or dead-letters it where a policy says so.
    pub(super) fn reject(&self, tag: u64) {
        if self.is_open() {
            let mut acks = self.acks.lock();
            let _ = self.channel.reject(tag, false);
            acks.settle(tag);
        }
    }

    /// Cancels the consumers. When it returns, their last messages are in the buffer. They can still be settled.
    pub(super) async fn stop_consuming(&self) {
        let tags = self.tags.lock().clone();
        for tag in tags.iter().flatten() {
            let _ = self.channel.cancel(tag).await;
        }
    }

    /// Sends the acks that wait, and deletes the fanout queue, unless other servers use it or the next one will.
    pub(super) async fn close(&self) {
        self.flush();
        let (fanout_queue, is_kept) = {
            let queues = self.queues.lock();
            (queues.fanout.name.clone(), queues.fanout_is_kept())
        };
        if is_kept {
            return;
        }
        let _ = self.channel.queue_delete(&fanout_queue, false, false).await;
    }
}

impl Drop for Consumers {
    fn drop(&mut self) {
        if self.is_open() {
            self.flush();
        }
        self.ack_waits.notify_one();
    }
}

/// Closes the channel of an attempt to consume that failed or was dropped half-way. Messages that it received hold its channel, and
/// its first consumers would go on swallowing messages.
struct CloseOnDrop(Option<Arc<Consumers>>);

impl CloseOnDrop {
    fn succeed(mut self) {
        self.0 = None;
    }
}

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        if let Some(consumers) = &self.0 {
            consumers.channel.begin_close(200, "not consumed after all");
        }
    }
}

/// Puts what one of the consumers receives into the buffer, in the connection's task.
pub(super) struct DeliveryReceiver {
    /// Weak, as the channel holds its receivers.
    pub(super) consumers: Weak<Consumers>,
    queue: QueueKind,
    pub(super) sink: Arc<DeliverySink>,
    ended: CancellationToken,
}

impl DeliveryReceiver {
    /// Returns what goes into the buffer.
    pub(super) fn prefetched(&self, settlement: Settlement, delivery: Delivery) -> Box<Prefetched> {
        Box::new(Prefetched::new(settlement, self.queue, delivery, &self.sink.decoder))
    }
}

impl Consumer for DeliveryReceiver {
    fn on_delivery(&self, delivery: Delivery) {
        // Without consumers the channel is being closed, and the broker requeues the message.
        let Some(consumers) = self.consumers.upgrade() else { return };
        let DeliverySink { buffer, memory, .. } = &*self.sink;
        let message = self.prefetched(Settlement::of_queue(&consumers, delivery.tag), delivery);
        // What this server has begun does not wait for a permit, and never goes on to another server.
        let admitted = match message.delivery.redelivered {
            true => memory.admit(message),
            false => Some(message),
        };
        if let Some(message) = admitted {
            buffer.push(message);
        }
    }

    fn on_end(&self, reason: ConsumerEnd) {
        match (reason, self.consumers.upgrade()) {
            (ConsumerEnd::Cancelled, Some(consumers)) => {
                consumers.cancelled.lock().push(self.queue);
                consumers.cancels.notify_one();
            }
            _ => self.ended.cancel(),
        }
    }
}
