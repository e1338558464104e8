//! A server's consumers on one session: what came by them can be settled there, and nowhere else.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::stream::{BoxStream, once, select_all};
use futures_util::{FutureExt, StreamExt};
use lapin::Channel;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicNackOptions, BasicRejectOptions, QueueDeleteOptions,
};
use rpc_core::transport::AckError;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::connection::supervisor::Session;
use crate::server::ack_batch::{Acks, Frame};
use crate::topology::queues::Ears;

/// Which of a server's queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Topic,
    Server,
    Fanout,
}

/// Oslo.messaging's names for its three consumers.
const TAGS: [(Source, &str); 3] =
    [(Source::Topic, "1"), (Source::Server, "2"), (Source::Fanout, "3")];

/// So long an acknowledgement may wait for others.
const LAG: Duration = Duration::from_millis(1);

/// What comes by the three consumers; `None`: one of them has ended.
pub(crate) type Incoming = BoxStream<'static, (Source, Option<Delivery>)>;

/// The channel of one session.
pub(crate) struct Ear {
    session: Arc<Session>,
    channel: Channel,
    fanout_queue: String,
    acks: Mutex<Acks>,
    /// Acknowledgements wait to be sent.
    due: Arc<Notify>,
}

impl Ear {
    /// Declares and consumes the three queues.
    pub(crate) async fn open(
        session: &Arc<Session>,
        queues: &Ears,
        prefetch: u16,
    ) -> lapin::Result<(Arc<Self>, Incoming)> {
        let mut queues = queues.clone();
        let channel = loop {
            let channel = session.connection.create_channel().await?;
            // Of each consumer, not of the channel: RabbitMQ's meaning of a limit that is not global.
            channel.basic_qos(prefetch, <_>::default()).await?;
            match queues.declare(&channel).await? {
                None => break channel,
                Some(exchange) => queues.make_do_with(&exchange),
            }
        };
        let mut streams: Vec<Incoming> = Vec::new();
        for (queue, (source, tag)) in queues.all().into_iter().zip(TAGS) {
            let exclusive = source == Source::Fanout;
            let options = BasicConsumeOptions { exclusive, ..BasicConsumeOptions::default() };
            let name = queue.name.as_str();
            let consumer =
                channel.basic_consume(name.into(), tag.into(), options, <_>::default()).await?;
            let deliveries = consumer.map(move |delivery| (source, delivery.ok()));
            streams.push(deliveries.chain(once(async move { (source, None) })).boxed());
        }
        let fanout_queue = queues.fanout.name.clone();
        let (acks, due) = (Mutex::new(Acks::new(prefetch)), Arc::default());
        let ear = Self { session: Arc::clone(session), channel, fanout_queue, acks, due };
        let ear = Arc::new(ear);
        tokio::spawn(acknowledge_now_and_then(Arc::downgrade(&ear), Arc::clone(&ear.due)));
        Ok((ear, select_all(streams).boxed()))
    }

    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.session.has_ended() && self.channel.status().connected()
    }

    /// Acknowledges one message. It is on its way a moment later; nobody could learn more by waiting.
    pub(crate) fn acknowledge(&self, tag: u64) -> Result<(), AckError> {
        if !self.is_open() {
            let reason = "the connection over which the message came is gone, and the broker delivers it again";
            return Err(AckError::new(reason));
        }
        let (first, full) = {
            let mut acks = self.acks();
            (acks.push(tag), acks.is_full())
        };
        if full {
            self.flush();
        } else if first {
            self.due.notify_one();
        }
        Ok(())
    }

    /// Sends the acknowledgements that wait.
    fn flush(&self) {
        // Under the lock, so that no frame for all messages up to one overtakes what was settled otherwise.
        let mut acks = self.acks();
        for Frame { tag, multiple } in acks.take() {
            // Where it fails the channel is gone, and the broker takes the messages back by itself.
            let _ = put_in_line(self.channel.basic_ack(tag, BasicAckOptions { multiple }));
        }
    }

    fn acks(&self) -> MutexGuard<'_, Acks> {
        self.acks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives one message back to its queue.
    pub(crate) fn requeue(&self, tag: u64) {
        if self.is_open() {
            let options = BasicNackOptions { requeue: true, multiple: false };
            let mut acks = self.acks();
            let _ = put_in_line(self.channel.basic_nack(tag, options));
            acks.settle(tag);
        }
    }

    /// Refuses one message, which nobody could read.
    pub(crate) fn reject(&self, tag: u64) {
        if self.is_open() {
            let mut acks = self.acks();
            let _ =
                put_in_line(self.channel.basic_reject(tag, BasicRejectOptions { requeue: false }));
            acks.settle(tag);
        }
    }

    /// Ends the three consumers. What has been delivered stays with us.
    pub(crate) async fn stop_consuming(&self) {
        for (_, tag) in TAGS {
            let _ = self.channel.basic_cancel(tag.into(), <_>::default()).await;
        }
    }

    /// Deletes the fanout queue, which is of no use to anybody else, and closes the channel.
    pub(crate) async fn close(&self) {
        self.flush();
        let name = self.fanout_queue.as_str();
        let _ = self.channel.queue_delete(name.into(), QueueDeleteOptions::default()).await;
        let _ = self.channel.close(200, "the server has stopped".into()).await;
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        if self.is_open() {
            self.flush();
        }
        self.due.notify_one();
    }
}

/// Sends what waits a moment after the first that does.
async fn acknowledge_now_and_then(ear: Weak<Ear>, due: Arc<Notify>) {
    loop {
        due.notified().await;
        sleep(LAG).await;
        let Some(ear) = ear.upgrade() else { return };
        ear.flush();
    }
}

/// Puts a frame in line without waiting for it to be written.
fn put_in_line(frame: impl Future<Output = lapin::Result<()>>) -> lapin::Result<()> {
    match pin!(frame.fuse()).poll_unpin(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => Ok(()),
    }
}
