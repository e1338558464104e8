//! Opens a publisher on each session of the publishing connection, and has callers and servers wait for it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::timeout;

use super::events::{ReportTo, ReturnListener};
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

/// The right to publish one message now.
pub(crate) struct PublishPermit {
    publisher: Arc<Publisher>,
    permit: OwnedSemaphorePermit,
}

impl PublishPermit {
    /// Publishes a message without waiting for its confirm. `report_to` receives the publish outcome later.
    pub(crate) fn publish(self, message: Outgoing, report_to: ReportTo) {
        self.publisher.publish(message, report_to, self.permit);
    }
}

impl PublisherSupervisor {
    pub(crate) fn new(connection: Arc<ConnectionSupervisor>) -> Arc<Self> {
        Arc::new(Self { connection, current: watch::Sender::new(None) })
    }

    /// Opens publishers on one session after the other until the transport is closed.
    pub(crate) async fn run(&self, returns: Arc<dyn ReturnListener>) {
        // Kept until its connection is gone: the AMQP library fails if a connection is closed right after a channel was dropped.
        let mut _last = None;
        while let Some(session) = self.connection.next_session().await {
            _last = None;
            _last = self.serve(&session, &returns).await;
        }
    }

    /// Opens publishers on one session until it ends. Returns the last one, which is closed.
    async fn serve(
        &self,
        session: &Arc<Session>,
        returns: &Arc<dyn ReturnListener>,
    ) -> Option<Arc<Publisher>> {
        let mut last = None;
        while !session.has_ended() {
            let opened = Publisher::open(session, Arc::clone(returns));
            match timeout(CHANNEL_OPEN_TIMEOUT, opened).await {
                Ok(Ok(publisher)) => {
                    self.current.send_replace(Some(Arc::clone(&publisher)));
                    publisher.closed().await;
                    // Its confirm task, and with it the listener, lives as long as the publisher.
                    self.current.send_replace(None);
                    last = Some(publisher);
                }
                Ok(Err(error)) => {
                    tracing::warn!(%error, "cannot open the publisher's channel, retrying");
                    session.sleep(RETRY_DELAY).await;
                }
                Err(_) => session.end(),
            }
        }
        last
    }

    /// Returns a permit if a message can be published at once.
    pub(crate) fn try_permit(&self) -> Option<PublishPermit> {
        let publisher = self.current.borrow().as_ref().filter(|it| it.is_open()).cloned()?;
        let permit = publisher.try_permit()?;
        Some(PublishPermit { publisher, permit })
    }

    /// Returns whether a message can be published at once.
    pub(crate) fn is_ready(&self) -> bool {
        self.try_permit().is_some()
    }

    /// Waits until a message can be published: connected, not blocked, and with fewer unconfirmed messages than allowed.
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
            if publisher.session.is_blocked() {
                let mut blocked = publisher.session.blocked();
                tokio::select! {
                    _ = blocked.wait_for(|blocked| !blocked) => {}
                    () = publisher.closed() => {}
                }
                continue;
            }
            let permit = tokio::select! {
                permit = publisher.permit() => permit,
                () = publisher.closed() => None,
            };
            match permit {
                Some(permit) if publisher.is_open() => {
                    return Ok(PublishPermit { publisher, permit });
                }
                _ => tokio::task::yield_now().await,
            }
        }
    }

    /// Waits like [`permit`](Self::permit), and returns the session: for what is published on another channel.
    ///
    /// # Errors
    ///
    /// Fails if the connection failed for a reason that does not pass, or if the transport has been closed.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is published by waiting.
    pub(crate) async fn session_when_ready(&self) -> Result<Arc<Session>, Unavailable> {
        Ok(Arc::clone(&self.permit().await?.publisher.session))
    }
}
