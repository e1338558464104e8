//! Looks at queues without touching them: a passive declaration says how many consumers there are, and how many messages.

use std::sync::Arc;
use std::time::Duration;

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use tokio::time::timeout;

use crate::connection::broker_error::reply_code;
use crate::connection::channel_pool::Channels;
use crate::connection::supervisor::{Link, Session, Unavailable};

/// So many looks are taken at a time, each on a channel of its own.
const AT_A_TIME: usize = 16;
/// How long the broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What there is to see of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    Absent,
    Present { consumers: u32, messages: u32 },
}

/// So many channels of the publishing connection may be lost to queues that are not there. It would be given up at ten times
/// as many, and with it every message that the broker has not confirmed yet.
const LENT: usize = 100;

pub(crate) struct Inspector {
    publishing: Arc<Link>,
    /// Connects when it is first needed, which is seldom. It carries nothing else: its end harms nobody, and neither an alarm
    /// of the broker nor a message that waits to be sent is in its way.
    own: Arc<Link>,
    /// The queue's absence costs a channel, as the broker closes it; a present queue's channel is used again.
    channels: Channels,
}

impl Inspector {
    pub(crate) fn new(publishing: Arc<Link>, own: Arc<Link>) -> Self {
        Self { publishing, own, channels: Channels::new(AT_A_TIME) }
    }

    /// Resolves when there is no connection for looks alone, nor will be one.
    pub(crate) async fn ended(&self) {
        self.own.ended().await;
    }

    /// Never the connection that consumes: servers and callers would lose their consumers with it.
    async fn session(&self) -> Result<Arc<Session>, Unavailable> {
        let session = self.publishing.session().await?;
        if session.spoilt() < LENT && !session.is_blocked() {
            return Ok(session);
        }
        self.own.session().await
    }

    /// Looks at the queue as soon as there is a connection. `None`: the connection broke over it.
    ///
    /// Cancel safe: at most a channel is lost.
    pub(crate) async fn look(&self, queue: &str) -> Result<Option<Seen>, Unavailable> {
        let session = self.session().await?;
        let look = self.look_on(&session, queue);
        Ok(timeout(PATIENCE, look).await.ok().flatten())
    }

    async fn look_on(&self, session: &Arc<Session>, queue: &str) -> Option<Seen> {
        let _room = self.channels.room().await?;
        let channel = match self.channels.take(session) {
            Some(channel) => channel,
            None => session.connection.create_channel().await.ok()?,
        };
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        match channel.queue_declare(queue.into(), options, FieldTable::default()).await {
            Ok(seen) => {
                let (consumers, messages) = (seen.consumer_count(), seen.message_count());
                self.channels.give_back(session, channel);
                Some(Seen::Present { consumers, messages })
            }
            Err(error) => {
                session.note(&error);
                match reply_code(&error) {
                    Some(404) => Some(Seen::Absent),
                    // It is somebody's exclusive queue, and so there is a consumer.
                    Some(405) => Some(Seen::Present { consumers: 1, messages: 0 }),
                    _ => None,
                }
            }
        }
    }
}
