//! Publishes whose sender waits for the confirm: casts, copies of waiting messages, and replies that are retried.

use std::sync::Arc;
use std::time::Duration;

use rpc_amqp::{Channel, ConfirmFuture, Error, Outcome};
use tokio::time::timeout;

use super::supervisor::{PublishPermit, PublisherSupervisor};
use crate::connection::Session;
use crate::connection::broker_error::{describe, reply_code};
use crate::connection::channel_pool::ChannelPool;
use crate::wire::Outgoing;

/// How many messages to named exchanges can be in flight at a time.
const MAX_CHANNELS: usize = 32;
/// How long the broker may take to open a channel.
const CHANNEL_OPEN_TIMEOUT: Duration = Duration::from_secs(5);

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PublishOutcome {
    /// The broker has put it into a queue.
    Confirmed,
    /// There is no queue for it.
    Unroutable,
    /// The broker nacked it, or its queue is full.
    Nacked,
    /// The broker does not allow it, and why.
    Rejected(String),
    /// It was not published.
    NotSent,
    /// The broker closed the channel over this message or over another one, and why. It may be in the queue.
    ChannelClosed(String),
    /// The connection broke before the broker had confirmed it.
    Unknown,
}

impl From<Outcome> for PublishOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Confirmed => Self::Confirmed,
            Outcome::Returned(_) => Self::Unroutable,
            Outcome::Nacked => Self::Nacked,
            // The exchange does not exist, so there is no server.
            Outcome::Refused(error) if reply_code(&error) == Some(404) => Self::Unroutable,
            Outcome::Refused(error) => Self::Rejected(describe(&error)),
            Outcome::Lost(error) if error.is_channel_error() => {
                Self::ChannelClosed(describe(&error))
            }
            _ => Self::Unknown,
        }
    }
}

/// Publishes messages and waits for their confirms.
///
/// The broker closes a channel over a message to an exchange that does not exist. So messages to named exchanges have a channel each
/// while they wait, and cost no other message its confirm. The default exchange always exists.
pub(crate) struct ConfirmedPublisher {
    supervisor: Arc<PublisherSupervisor>,
    channels: ChannelPool,
}

impl ConfirmedPublisher {
    pub(crate) fn new(supervisor: Arc<PublisherSupervisor>) -> Arc<Self> {
        Arc::new(Self { supervisor, channels: ChannelPool::new(MAX_CHANNELS) })
    }

    /// Publishes as soon as that is possible, and waits for the outcome.
    ///
    /// # Cancel safety
    ///
    /// Once it is published, the message stays published when the future is dropped.
    pub(crate) async fn publish(&self, message: &Outgoing) -> PublishOutcome {
        match self.supervisor.permit().await {
            Ok(permit) => self.publish_now(permit, message, || {}).await,
            Err(_) => PublishOutcome::NotSent,
        }
    }

    /// Publishes and waits for the outcome. Calls `before_publish` right before the message leaves.
    ///
    /// # Cancel safety
    ///
    /// Once `before_publish` was called, the message stays published when the future is dropped. Before that, it is not published.
    pub(crate) async fn publish_now(
        &self,
        permit: PublishPermit,
        message: &Outgoing,
        before_publish: impl FnOnce(),
    ) -> PublishOutcome {
        if message.exchange.is_empty() {
            before_publish();
            return outcome(permit.publish_confirmed(message)).await;
        }
        let Some(_permit) = self.channels.permit().await else { return PublishOutcome::NotSent };
        let session = permit.session();
        let Some(channel) = self.channel(session).await else { return PublishOutcome::NotSent };
        before_publish();
        let sent = message.publish_with(|message| channel.publish_confirmed(message));
        let outcome = outcome(sent).await;
        self.channels.give_back(session, channel);
        outcome
    }

    async fn channel(&self, session: &Arc<Session>) -> Option<Channel> {
        if let Some(channel) = self.channels.take(session) {
            return Some(channel);
        }
        let opened = async {
            let channel = session.connection.open_channel().await?;
            channel.confirm_select(1).await?;
            Ok::<_, Error>(channel)
        };
        match timeout(CHANNEL_OPEN_TIMEOUT, opened).await {
            Ok(Ok(channel)) => Some(channel),
            Ok(Err(error)) => {
                tracing::warn!(%error, "cannot open a channel for a message to an exchange");
                None
            }
            Err(_) => None,
        }
    }
}

async fn outcome(sent: Result<ConfirmFuture, Error>) -> PublishOutcome {
    match sent {
        Ok(confirm) => confirm.await.into(),
        Err(Error::InvalidArgument(error)) => PublishOutcome::Rejected(error.to_string()),
        // The channel is closed.
        Err(_) => PublishOutcome::NotSent,
    }
}
