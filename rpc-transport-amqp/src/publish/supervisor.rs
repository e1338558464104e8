//! Opens a publisher on each session of the publishing connection, and has callers and servers wait for it.

use std::sync::Arc;
use std::time::Duration;

use rpc_amqp::{ConfirmFuture, ConfirmHandler, Error};
use tokio::sync::watch;
use tokio::time::timeout;

use super::publisher::Publisher;
use crate::connection::{ConnectionSupervisor, Session, Unavailable};
use crate::wire::Outgoing;

/// How long the broker may take to open a channel.
const CHANNEL_OPEN_TIMEOUT: Duration = Duration::from_secs(5);
/// Delay before another attempt to open a channel on the same connection.
const RETRY_DELAY: Duration = Duration::from_millis(100);

/// Holds the current publisher, from session to session.
pub(crate) struct PublisherSupervisor {
    connection: Arc<ConnectionSupervisor>,
    current: watch::Sender<Option<Arc<Publisher>>>,
}

/// Where a message can be published now.
///
/// The limits of what waits and of what is unconfirmed are checked when it is given, so as many messages as there are permits can
/// exceed them.
pub(crate) struct PublishPermit(Arc<Publisher>);

impl PublishPermit {
    /// Publishes a message without waiting for its confirm. `handler` is told its outcome later, with this number.
    ///
    /// # Errors
    ///
    /// Fails if the channel has just been closed, or AMQP cannot carry the message. Nothing is published then, and the handler is
    /// told nothing.
    pub(crate) fn publish(
        &self,
        message: &Outgoing,
        handler: Arc<dyn ConfirmHandler>,
        number: u128,
    ) -> Result<(), Error> {
        let channel = &self.0.channel;
        message.publish_with(|message| channel.publish_with_handler(message, handler, number))
    }

    /// Publishes a message, and returns what resolves to its outcome.
    ///
    /// # Errors
    ///
    /// Fails like [`publish`](Self::publish).
    pub(super) fn publish_confirmed(&self, message: &Outgoing) -> Result<ConfirmFuture, Error> {
        message.publish_with(|message| self.0.channel.publish_confirmed(message))
    }

    pub(super) fn session(&self) -> &Arc<Session> {
        &self.0.session
    }
}

impl PublisherSupervisor {
    pub(crate) fn new(connection: Arc<ConnectionSupervisor>) -> Arc<Self> {
        Arc::new(Self { connection, current: watch::Sender::new(None) })
    }

    /// Opens publishers on one session after the other until the transport is closed.
    pub(crate) async fn run(&self) {
        while let Some(session) = self.connection.next_session().await {
            self.serve(&session).await;
        }
    }

    /// Opens publishers on one session until it ends.
    async fn serve(&self, session: &Arc<Session>) {
        while !session.has_ended() {
            match timeout(CHANNEL_OPEN_TIMEOUT, Publisher::open(session)).await {
                Ok(Ok(publisher)) => {
                    self.current.send_replace(Some(Arc::clone(&publisher)));
                    publisher.closed().await;
                    self.current.send_replace(None);
                }
                Ok(Err(error)) => {
                    tracing::warn!(%error, "cannot open the publisher's channel, retrying");
                    session.sleep(RETRY_DELAY).await;
                }
                Err(_) => session.end(),
            }
        }
    }

    /// Returns a permit if a message can be published at once.
    pub(crate) fn try_permit(&self) -> Option<PublishPermit> {
        let publisher = self.current.borrow().as_ref().filter(|it| it.is_ready()).cloned()?;
        Some(PublishPermit(publisher))
    }

    /// Waits until a message can be published: connected, not blocked, and with less waiting and unconfirmed than allowed.
    ///
    /// # Errors
    ///
    /// Fails if the connection failed for a reason that does not pass, or if the transport has been closed.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is published by waiting.
    pub(crate) async fn permit(&self) -> Result<PublishPermit, Unavailable> {
        let mut current = self.current.subscribe();
        loop {
            let session = self.connection.session().await?;
            let publisher = current.borrow_and_update().clone();
            let Some(publisher) = publisher.filter(|it| Arc::ptr_eq(&it.session, &session)) else {
                tokio::select! {
                    // The sender is ours.
                    _ = current.changed() => {}
                    () = session.ended() => {}
                }
                continue;
            };
            let ready = tokio::select! {
                ready = publisher.channel.ready() => ready.is_ok(),
                () = publisher.closed() => false,
            };
            if ready {
                return Ok(PublishPermit(publisher));
            }
            // The supervisor opens another channel when it has run.
            tokio::task::yield_now().await;
        }
    }
}
