//! Reads the status of queues: a passive declaration tells how many consumers and messages a queue has.

use std::sync::Arc;
use std::time::Duration;

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use tokio::time::timeout;

use crate::connection::broker_error::reply_code;
use crate::connection::channel_pool::ChannelPool;
use crate::connection::{ConnectionSupervisor, Session, Unavailable};

/// How many checks run at a time, each on a channel of its own.
const MAX_CHECKS: usize = 16;
/// How long the broker may take to answer.
const BROKER_TIMEOUT: Duration = Duration::from_secs(5);
/// How many channels the publishing connection may lose to missing queues before checks go to a connection of their own. At ten
/// times as many it would be closed, and with it every publish that is not confirmed yet would be lost.
const MAX_LEAKED_ON_PUBLISHING: usize = 100;

/// The status of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QueueStatus {
    Missing,
    Exists { consumers: u32, messages: u32 },
}

/// Checks queues on a connection without consumers.
///
/// A missing queue costs a channel, as the broker closes it, and after many of them a connection has to be replaced. The
/// connection that consumes is never used for it: servers and callers would lose their consumers.
pub(crate) struct QueueStatusReader {
    publishing: Arc<ConnectionSupervisor>,
    /// Connects when it is first needed, which is rare. It carries nothing but checks, so replacing it affects nothing else. Neither a
    /// blocked connection nor a queue of messages that wait to be sent holds its checks up.
    dedicated: Arc<ConnectionSupervisor>,
    channels: ChannelPool,
}

impl QueueStatusReader {
    pub(crate) fn new(
        publishing: Arc<ConnectionSupervisor>,
        dedicated: Arc<ConnectionSupervisor>,
    ) -> Self {
        Self { publishing, dedicated, channels: ChannelPool::new(MAX_CHECKS) }
    }

    /// Reads the queue's status as soon as there is a connection. Returns `None` if the broker did not answer.
    ///
    /// # Errors
    ///
    /// Fails if the publishing connection cannot be made.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: at most a channel is lost.
    pub(crate) async fn read(&self, queue: &str) -> Result<Option<QueueStatus>, Unavailable> {
        let publishing = self.publishing.session().await?;
        let status = async {
            let session = self.choose(publishing).await?;
            self.read_on(&session, queue).await
        };
        Ok(timeout(BROKER_TIMEOUT, status).await.ok().flatten())
    }

    /// Chooses the session for a check.
    ///
    /// The dedicated connection may be impossible: the broker limits connections, or the credentials have changed since the
    /// others were made. Checks go on without it, unless the publishing connection is blocked. Returns `None` then.
    async fn choose(&self, publishing: Arc<Session>) -> Option<Arc<Session>> {
        if publishing.is_blocked() {
            return self.dedicated.session().await.ok();
        }
        if publishing.leaked_channels() < MAX_LEAKED_ON_PUBLISHING {
            return Some(publishing);
        }
        Some(self.dedicated.current_session().unwrap_or(publishing))
    }

    async fn read_on(&self, session: &Arc<Session>, queue: &str) -> Option<QueueStatus> {
        let _permit = self.channels.permit().await?;
        let channel = match self.channels.take(session) {
            Some(channel) => channel,
            None => session.connection.create_channel().await.ok()?,
        };
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        match channel.queue_declare(queue.into(), options, FieldTable::default()).await {
            Ok(queue) => {
                let (consumers, messages) = (queue.consumer_count(), queue.message_count());
                self.channels.give_back(session, channel);
                Some(QueueStatus::Exists { consumers, messages })
            }
            Err(error) => {
                session.note_error(&error);
                match reply_code(&error) {
                    Some(404) => Some(QueueStatus::Missing),
                    // Another connection holds the queue exclusively, so it has a consumer.
                    Some(405) => Some(QueueStatus::Exists { consumers: 1, messages: 0 }),
                    _ => None,
                }
            }
        }
    }
}
