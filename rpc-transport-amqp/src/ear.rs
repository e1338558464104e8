//! A server's consumers on one session: what came by them can be settled there, and nowhere else.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_util::stream::{BoxStream, once, select_all};
use futures_util::{FutureExt, StreamExt};
use lapin::Channel;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicNackOptions, BasicRejectOptions, QueueDeleteOptions,
};
use rpc_core::transport::AckError;

use crate::link::Session;
use crate::topology::Ears;

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

/// What comes by the three consumers; `None`: one of them has ended.
pub(crate) type Incoming = BoxStream<'static, (Source, Option<Delivery>)>;

/// The channel of one session.
pub(crate) struct Ear {
    session: Arc<Session>,
    channel: Channel,
    fanout_queue: String,
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
        let ear = Self { session: Arc::clone(session), channel, fanout_queue };
        Ok((Arc::new(ear), select_all(streams).boxed()))
    }

    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.session.has_ended() && self.channel.status().connected()
    }

    /// Acknowledges one message. It is on its way when this returns; nobody could learn more by waiting.
    pub(crate) fn acknowledge(&self, tag: u64) -> Result<(), AckError> {
        if !self.is_open() {
            let reason = "the connection over which the message came is gone, and the broker delivers it again";
            return Err(AckError::new(reason));
        }
        put_in_line(self.channel.basic_ack(tag, BasicAckOptions::default()))
            .map_err(|error| AckError::new(error.to_string()))
    }

    /// Gives one message back to its queue.
    pub(crate) fn requeue(&self, tag: u64) {
        if self.is_open() {
            let options = BasicNackOptions { requeue: true, multiple: false };
            // Where it fails the channel is gone, and the broker takes the message back by itself.
            let _ = put_in_line(self.channel.basic_nack(tag, options));
        }
    }

    /// Refuses one message, which nobody could read.
    pub(crate) fn reject(&self, tag: u64) {
        if self.is_open() {
            let _ =
                put_in_line(self.channel.basic_reject(tag, BasicRejectOptions { requeue: false }));
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
        let name = self.fanout_queue.as_str();
        let _ = self.channel.queue_delete(name.into(), QueueDeleteOptions::default()).await;
        let _ = self.channel.close(200, "the server has stopped".into()).await;
    }
}

/// Puts a frame in line without waiting for it to be written.
fn put_in_line(frame: impl Future<Output = lapin::Result<()>>) -> lapin::Result<()> {
    match pin!(frame.fuse()).poll_unpin(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => Ok(()),
    }
}
