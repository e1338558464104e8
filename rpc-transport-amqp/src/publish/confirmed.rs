//! Publishes whose sender waits for the confirm: casts, copies of waiting messages, and replies that are retried.
//!
//! On a channel that carries one message at a time, a returned message can only be that message. So there are several such
//! channels, opened as they are needed, and each is given back when its message has been confirmed.

use std::sync::Arc;
use std::time::Duration;

use lapin::{Channel, Confirmation};
use tokio::time::timeout;

use super::publisher::MANDATORY;
use super::supervisor::PublisherSupervisor;
use crate::connection::Session;
use crate::connection::broker_error::{describe, reply_code};
use crate::connection::channel_pool::ChannelPool;
use crate::wire::Outgoing;

/// How many messages can be in flight at a time.
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
    /// The connection broke before the broker had confirmed it.
    Unknown,
}

/// Publishes messages and waits for their confirms.
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
    pub(crate) async fn publish(self: &Arc<Self>, message: Outgoing) -> PublishOutcome {
        match self.supervisor.session_when_ready().await {
            Ok(session) => self.publish_on(session, message, || true).await,
            Err(_) => PublishOutcome::NotSent,
        }
    }

    /// Publishes and waits for the outcome. Calls `before_publish` right before the message leaves, and does not publish it if
    /// that returns false.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not stop the publish; `before_publish` can.
    pub(crate) async fn publish_on(
        self: &Arc<Self>,
        session: Arc<Session>,
        message: Outgoing,
        before_publish: impl FnOnce() -> bool + Send + 'static,
    ) -> PublishOutcome {
        let publisher = Arc::clone(self);
        // A task of its own: dropped half-way, it would lose its channel.
        let published = tokio::spawn(async move {
            publisher.publish_confirmed(&session, message, before_publish).await
        });
        published.await.unwrap_or(PublishOutcome::Unknown)
    }

    async fn publish_confirmed(
        &self,
        session: &Arc<Session>,
        message: Outgoing,
        before_publish: impl FnOnce() -> bool,
    ) -> PublishOutcome {
        let Some(_permit) = self.channels.permit().await else { return PublishOutcome::NotSent };
        let Some(channel) = self.channel(session).await else { return PublishOutcome::NotSent };
        if !before_publish() {
            self.channels.give_back(session, channel);
            return PublishOutcome::NotSent;
        }
        let Outgoing { exchange, routing_key, properties, body } = message;
        let body = body.join();
        let publishing = async {
            channel.basic_publish(exchange, routing_key, MANDATORY, &body, properties).await?.await
        };
        let confirmed = tokio::select! {
            biased;
            confirmed = publishing => confirmed,
            () = session.ended() => return PublishOutcome::Unknown,
        };
        if let Err(error) = &confirmed {
            session.note_error(error);
        }
        let outcome = match confirmed {
            Ok(Confirmation::Ack(None) | Confirmation::NotRequested) => PublishOutcome::Confirmed,
            Ok(Confirmation::Ack(Some(_))) => PublishOutcome::Unroutable,
            Ok(Confirmation::Nack(_)) => PublishOutcome::Nacked,
            // 404: the exchange does not exist, so there is no server. The broker closes the channel over it.
            Err(error) => match reply_code(&error) {
                Some(404) => return PublishOutcome::Unroutable,
                Some(_) if error.is_amqp_soft_error() => {
                    return PublishOutcome::Rejected(describe(&error));
                }
                _ => return PublishOutcome::Unknown,
            },
        };
        self.channels.give_back(session, channel);
        outcome
    }

    async fn channel(&self, session: &Arc<Session>) -> Option<Channel> {
        if let Some(channel) = self.channels.take(session) {
            return Some(channel);
        }
        let opened = async {
            let channel = session.connection.create_channel().await?;
            channel.confirm_select(<_>::default()).await?;
            Ok::<_, lapin::Error>(channel)
        };
        match timeout(CHANNEL_OPEN_TIMEOUT, opened).await {
            Ok(Ok(channel)) => Some(channel),
            Ok(Err(error)) => {
                tracing::warn!(%error, "cannot open a channel for publishes that wait for their confirm");
                None
            }
            Err(_) => None,
        }
    }
}
