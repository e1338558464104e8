//! Messages whose sender waits to know what became of them: casts, and what is handed on.
//!
//! On a channel that carries one message at a time, what comes back can only be that message. So there are several such
//! channels, made as they are needed, and each is given back when its message has been confirmed.

use std::sync::Arc;
use std::time::Duration;

use lapin::{Channel, Confirmation};
use tokio::time::timeout;

use crate::connection::broker_error::{explained, reply_code};
use crate::connection::channel_pool::Channels;
use crate::connection::supervisor::Session;
use crate::publish::publisher::MANDATORY;
use crate::wire::Outgoing;

/// So many messages can be under way at a time.
const CHANNELS: usize = 32;
/// How long the broker may take to open a channel.
const OPEN: Duration = Duration::from_secs(5);

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// The broker has put it into a queue.
    Queued,
    /// There is no queue for it.
    NoQueue,
    /// The broker, or the queue's limit, turned it away.
    Refused,
    /// The broker does not allow it, and why.
    NotAllowed(String),
    /// It never left.
    NotSent,
    /// The connection broke before the broker had confirmed it.
    Unknown,
}

pub(crate) struct Exact(Channels);

impl Exact {
    pub(crate) fn new() -> Self {
        Self(Channels::new(CHANNELS))
    }

    /// Publishes, and waits for what becomes of it. `leaving` is called right before the message could arrive.
    ///
    /// Not to be dropped half-way: the channel would be lost to others.
    pub(crate) async fn publish(
        &self,
        session: &Arc<Session>,
        message: Outgoing,
        leaving: impl FnOnce() -> bool,
    ) -> Arrival {
        let Some(_room) = self.0.room().await else { return Arrival::NotSent };
        let Some(channel) = self.channel(session).await else { return Arrival::NotSent };
        if !leaving() {
            self.0.give_back(session, channel);
            return Arrival::NotSent;
        }
        let Outgoing { exchange, routing_key, properties, body } = message;
        let sending = async {
            channel.basic_publish(exchange, routing_key, MANDATORY, &body, properties).await?.await
        };
        let sent = tokio::select! {
            biased;
            sent = sending => sent,
            () = session.ended() => return Arrival::Unknown,
        };
        if let Err(error) = &sent {
            session.note(error);
        }
        let arrival = match sent {
            Ok(Confirmation::Ack(None) | Confirmation::NotRequested) => Arrival::Queued,
            Ok(Confirmation::Ack(Some(_))) => Arrival::NoQueue,
            Ok(Confirmation::Nack(_)) => Arrival::Refused,
            // 404: the exchange is not there, and so nobody listens. The broker closes the channel over it.
            Err(error) => match reply_code(&error) {
                Some(404) => return Arrival::NoQueue,
                Some(_) if error.is_amqp_soft_error() => {
                    return Arrival::NotAllowed(explained(&error));
                }
                _ => return Arrival::Unknown,
            },
        };
        self.0.give_back(session, channel);
        arrival
    }

    async fn channel(&self, session: &Arc<Session>) -> Option<Channel> {
        if let Some(channel) = self.0.take(session) {
            return Some(channel);
        }
        let opened = async {
            let channel = session.connection.create_channel().await?;
            channel.confirm_select(<_>::default()).await?;
            Ok::<_, lapin::Error>(channel)
        };
        match timeout(OPEN, opened).await {
            Ok(Ok(channel)) => Some(channel),
            Ok(Err(error)) => {
                tracing::warn!(%error, "cannot open a channel to publish on");
                None
            }
            Err(_) => None,
        }
    }
}
