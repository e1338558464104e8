//! Messages whose sender waits to know what became of them: casts, and what is handed on.
//!
//! On a channel that carries one message at a time, what comes back can only be that message. So there are several such
//! channels, made as they are needed, and each is given back when its message has been confirmed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lapin::{Channel, Confirmation, ErrorKind};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::link::Session;
use crate::publisher::MANDATORY;
use crate::refusal::explained;
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

/// The channels of one session after the other.
pub(crate) struct Exact {
    free: Mutex<Free>,
    room: Semaphore,
}

#[derive(Default)]
struct Free {
    session: Option<Arc<Session>>,
    channels: Vec<Channel>,
}

impl Exact {
    pub(crate) fn new() -> Self {
        Self { free: Mutex::default(), room: Semaphore::new(CHANNELS) }
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
        // It is never closed.
        let Ok(_room) = self.room.acquire().await else { return Arrival::NotSent };
        let Some(channel) = self.channel(session).await else { return Arrival::NotSent };
        if !leaving() {
            self.give_back(session, channel);
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
            Err(error) => match error.kind() {
                ErrorKind::ProtocolError(refused) if refused.get_id() == 404 => {
                    return Arrival::NoQueue;
                }
                ErrorKind::ProtocolError(_) if error.is_amqp_soft_error() => {
                    return Arrival::NotAllowed(explained(&error));
                }
                _ => return Arrival::Unknown,
            },
        };
        self.give_back(session, channel);
        arrival
    }

    async fn channel(&self, session: &Arc<Session>) -> Option<Channel> {
        while let Some(channel) = self.take(session) {
            if channel.status().connected() {
                return Some(channel);
            }
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

    fn take(&self, session: &Arc<Session>) -> Option<Channel> {
        let mut free = self.lock();
        if !free.session.as_ref().is_some_and(|known| Arc::ptr_eq(known, session)) {
            free.session = Some(Arc::clone(session));
            free.channels.clear();
        }
        free.channels.pop()
    }

    fn give_back(&self, session: &Arc<Session>, channel: Channel) {
        let mut free = self.lock();
        if free.session.as_ref().is_some_and(|known| Arc::ptr_eq(known, session)) {
            free.channels.push(channel);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Free> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
