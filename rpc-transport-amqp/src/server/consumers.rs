//! A server's consumers on one session. What they deliver can be settled on their channel alone.

use std::pin::pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::stream::{BoxStream, once, select_all};
use futures_util::{FutureExt, StreamExt};
use lapin::Channel;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicNackOptions, BasicRejectOptions, QueueDeleteOptions,
};
use parking_lot::Mutex;
use rpc_core::transport::AckError;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::ack_batch::{AckBatch, AckFrame};
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

/// The deliveries of the three consumers; `None`: one of them has ended.
pub(super) type Deliveries = BoxStream<'static, (Source, Option<Delivery>)>;

/// The consumers of a server, on one channel.
pub(super) struct Consumers {
    session: Arc<Session>,
    channel: Channel,
    fanout_queue: String,
    acks: Mutex<AckBatch>,
    /// Notified when an ack waits to be sent.
    ack_waits: Arc<Notify>,
}

impl Consumers {
    /// Declares the three queues and starts to consume from them.
    pub(super) async fn open(
        session: &Arc<Session>,
        queues: &ServerQueues,
        prefetch: u16,
    ) -> lapin::Result<(Arc<Self>, Deliveries)> {
        let mut queues = queues.clone();
        let channel = loop {
            let channel = session.connection.create_channel().await?;
            // Per consumer, not per channel: that is what RabbitMQ makes of a limit that is not global.
            channel.basic_qos(prefetch, <_>::default()).await?;
            match queues.declare(&channel).await? {
                None => break channel,
                Some(exchange) => queues.accept_transient(&exchange),
            }
        };
        let mut streams: Vec<Deliveries> = Vec::new();
        for (queue, (source, tag)) in queues.all().into_iter().zip(CONSUMER_TAGS) {
            let exclusive = source == Source::Fanout;
            let options = BasicConsumeOptions { exclusive, ..BasicConsumeOptions::default() };
            let name = queue.name.as_str();
            let consumer =
                channel.basic_consume(name.into(), tag.into(), options, <_>::default()).await?;
            let deliveries = consumer.map(move |delivery| (source, delivery.ok()));
            streams.push(deliveries.chain(once(async move { (source, None) })).boxed());
        }
        let fanout_queue = queues.fanout.name.clone();
        let (acks, ack_waits) = (Mutex::new(AckBatch::new(prefetch)), Arc::default());
        let session = Arc::clone(session);
        let consumers = Arc::new(Self { session, channel, fanout_queue, acks, ack_waits });
        let ack_waits = Arc::clone(&consumers.ack_waits);
        tokio::spawn(flush_acks(Arc::downgrade(&consumers), ack_waits));
        Ok((consumers, select_all(streams).boxed()))
    }

    /// Returns the session that the channel belongs to.
    pub(super) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Returns whether messages can still be settled.
    pub(super) fn is_open(&self) -> bool {
        !self.session.has_ended() && self.channel.status().connected()
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
            let _ = enqueue_frame(self.channel.basic_ack(tag, BasicAckOptions { multiple }));
        }
    }

    /// Nacks one message, so that the broker requeues it.
    pub(super) fn requeue(&self, tag: u64) {
        if self.is_open() {
            let options = BasicNackOptions { requeue: true, multiple: false };
            let mut acks = self.acks.lock();
            let _ = enqueue_frame(self.channel.basic_nack(tag, options));
            acks.settle(tag);
        }
    }

    /// Rejects one message, so that the broker drops it.
    pub(super) fn reject(&self, tag: u64) {
        if self.is_open() {
            let mut acks = self.acks.lock();
            let _ = enqueue_frame(
                self.channel.basic_reject(tag, BasicRejectOptions { requeue: false }),
            );
            acks.settle(tag);
        }
    }

    /// Cancels the three consumers. What has been delivered can still be settled.
    pub(super) async fn stop_consuming(&self) {
        for (_, tag) in CONSUMER_TAGS {
            let _ = self.channel.basic_cancel(tag.into(), <_>::default()).await;
        }
    }

    /// Deletes the fanout queue, which no other server uses, and closes the channel.
    pub(super) async fn close(&self) {
        self.flush();
        let name = self.fanout_queue.as_str();
        let _ = self.channel.queue_delete(name.into(), QueueDeleteOptions::default()).await;
        let _ = self.channel.close(200, "the server has stopped".into()).await;
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

/// Sends acks a moment after the first of them began to wait.
async fn flush_acks(consumers: Weak<Consumers>, ack_waits: Arc<Notify>) {
    loop {
        ack_waits.notified().await;
        sleep(FLUSH_INTERVAL).await;
        let Some(consumers) = consumers.upgrade() else { return };
        consumers.flush();
    }
}

/// Queues a frame for sending without waiting for it to be written.
fn enqueue_frame(frame: impl Future<Output = lapin::Result<()>>) -> lapin::Result<()> {
    match pin!(frame.fuse()).poll_unpin(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => Ok(()),
    }
}
