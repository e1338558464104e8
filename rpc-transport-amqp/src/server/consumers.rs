//! A server's consumers on one session. What they deliver can be settled on their channel alone.

use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use rpc_amqp::{Channel, ConsumeOptions, Consumer, ConsumerEnd, Delivery, Error};
use rpc_core::transport::AckError;
use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::ack_batch::{AckBatch, AckFrame};
use super::prefetch::{PrefetchBuffer, Prefetched};
use crate::connection::Session;
use crate::topology::ServerQueues;

/// Which of a server's queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Topic,
    Server,
    Fanout,
}

/// The consumer tags, as oslo.messaging has them.
const CONSUMER_TAGS: [(Source, &str); 3] =
    [(Source::Topic, "1"), (Source::Server, "2"), (Source::Fanout, "3")];

/// How long an ack may wait for others.
const FLUSH_INTERVAL: Duration = Duration::from_millis(1);

/// The consumers of a server, on one channel.
pub(super) struct Consumers {
    session: Arc<Session>,
    channel: Channel,
    fanout_queue: String,
    acks: Mutex<AckBatch>,
    /// Notified when an ack waits to be sent.
    ack_waits: Arc<Notify>,
    /// Cancelled when one of the consumers has ended.
    ended: CancellationToken,
}

impl Consumers {
    /// Declares the three queues and starts to consume from them into the buffer.
    pub(super) async fn open(
        session: &Arc<Session>,
        queues: &ServerQueues,
        prefetch: u16,
        buffer: &Arc<PrefetchBuffer>,
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
            fanout_queue: queues.fanout.name.clone(),
            acks: Mutex::new(AckBatch::new(prefetch)),
            ack_waits: Arc::default(),
            ended: CancellationToken::new(),
        });
        let attempt = CloseOnDrop(Some(Arc::clone(&consumers)));
        for (queue, (source, tag)) in queues.all().into_iter().zip(CONSUMER_TAGS) {
            let exclusive = source == Source::Fanout;
            let options = ConsumeOptions { exclusive, ..ConsumeOptions::default() };
            let receiver = Arc::new(DeliveryReceiver {
                consumers: Arc::downgrade(&consumers),
                source,
                buffer: Arc::clone(buffer),
                ended: consumers.ended.clone(),
            });
            consumers.channel.consume(&queue.name, tag, &options, receiver).await?;
        }
        attempt.succeed();
        let ack_waits = Arc::clone(&consumers.ack_waits);
        tokio::spawn(flush_acks(Arc::downgrade(&consumers), ack_waits));
        Ok(consumers)
    }

    /// Waits until one of the consumers or the session has ended.
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

    /// Acks one message. The ack is sent a moment later; AMQP has no confirm for it.
    ///
    /// # Errors
    ///
    /// Fails if the channel is closed.
    pub(super) fn ack(&self, tag: u64) -> Result<(), AckError> {
        if !self.is_open() {
            return Err(AckError::new(
                "the consumer's channel is closed; the broker requeues the message",
            ));
        }
        let (first, full) = {
            let mut acks = self.acks.lock();
            (acks.push(tag), acks.is_full())
        };
        if full {
            self.flush();
        } else if first {
            self.ack_waits.notify_one();
        }
        Ok(())
    }

    /// Sends the acks that wait.
    fn flush(&self) {
        // Under the lock, so that an ack for several messages cannot overtake a nack of one of them.
        let mut acks = self.acks.lock();
        for AckFrame { tag, multiple } in acks.take() {
            // If it fails the channel is closed, and the broker requeues the messages by itself.
            let _ = self.channel.ack(tag, multiple);
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

    /// Cancels the three consumers. When it returns, their last messages are in the buffer. They can still be settled.
    pub(super) async fn stop_consuming(&self) {
        for (_, tag) in CONSUMER_TAGS {
            let _ = self.channel.cancel(tag).await;
        }
    }

    /// Sends the acks that wait, and deletes the fanout queue, which no other server uses.
    pub(super) async fn close(&self) {
        self.flush();
        let _ = self.channel.queue_delete(&self.fanout_queue, false, false).await;
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

/// Sends acks a moment after the first of them began to wait.
async fn flush_acks(consumers: Weak<Consumers>, ack_waits: Arc<Notify>) {
    loop {
        ack_waits.notified().await;
        sleep(FLUSH_INTERVAL).await;
        let Some(consumers) = consumers.upgrade() else { return };
        consumers.flush();
    }
}

/// Puts what one of the consumers receives into the buffer, in the connection's task.
struct DeliveryReceiver {
    /// Weak, as the channel holds its receivers.
    consumers: Weak<Consumers>,
    source: Source,
    buffer: Arc<PrefetchBuffer>,
    ended: CancellationToken,
}

impl Consumer for DeliveryReceiver {
    fn on_delivery(&self, delivery: Delivery) {
        // Without consumers the channel is being closed, and the broker requeues the message.
        if let Some(consumers) = self.consumers.upgrade() {
            self.buffer.push(Prefetched::new(&consumers, self.source, delivery));
        }
    }

    fn on_end(&self, _: ConsumerEnd) {
        self.ended.cancel();
    }
}
