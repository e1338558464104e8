//! Reads the status of queues: a passive declaration tells how many consumers and messages a queue has.

use std::sync::Arc;
use std::time::Duration;

use rpc_amqp::{DeclaredQueue, FieldTable, QueueDeclare};
use tokio::time::{Instant, timeout};

use crate::connection::broker_error::reply_code;
use crate::connection::channel_pool::ChannelPool;
use crate::connection::{ConnectionSupervisor, Session, Unavailable};

/// How many checks run at a time, each on a channel of its own.
const MAX_CHECKS: usize = 16;
/// How long the broker may take to answer.
const BROKER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long RabbitMQ waits for the leader of a quorum queue. Then it answers that the queue has neither consumers nor messages.
const LEADER_TIMEOUT: Duration = Duration::from_millis(250);

/// The status of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QueueStatus {
    Missing,
    Exists { consumers: u32, messages: u32 },
}

/// Checks queues on a connection without consumers.
///
/// A missing queue costs a channel, as the broker closes it. The broker reads nothing from a publishing connection that it has
/// blocked, so checks go to a connection of their own then.
pub(crate) struct QueueStatusReader {
    publishing: Arc<ConnectionSupervisor>,
    /// Connects when it is first needed, which is rare.
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

    /// Reads the queue's status as soon as there is a connection. Returns `None` if the broker did not answer, or did not know.
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

    /// Chooses the session for a check. Returns `None` if the publishing connection is blocked and there is no other one: the broker
    /// limits connections, or the credentials have changed since the others were made.
    async fn choose(&self, publishing: Arc<Session>) -> Option<Arc<Session>> {
        match publishing.is_blocked() {
            true => self.dedicated.session().await.ok(),
            false => Some(publishing),
        }
    }

    async fn read_on(&self, session: &Arc<Session>, queue: &str) -> Option<QueueStatus> {
        let _permit = self.channels.permit().await?;
        let channel = match self.channels.take(session) {
            Some(channel) => channel,
            None => session.connection.open_channel().await.ok()?,
        };
        let declare = QueueDeclare {
            name: queue,
            passive: true,
            durable: false,
            exclusive: false,
            auto_delete: false,
            arguments: &FieldTable::new(),
        };
        let asked = Instant::now();
        match channel.queue_declare(&declare).await {
            Ok(DeclaredQueue { consumers, messages, .. }) => {
                self.channels.give_back(session, channel);
                let is_known = (consumers, messages) != (0, 0) || asked.elapsed() < LEADER_TIMEOUT;
                is_known.then_some(QueueStatus::Exists { consumers, messages })
            }
            Err(error) => match reply_code(&error) {
                Some(404) => Some(QueueStatus::Missing),
                // Another connection holds the queue exclusively, so it has a consumer.
                Some(405) => Some(QueueStatus::Exists { consumers: 1, messages: 0 }),
                _ => None,
            },
        }
    }
}
