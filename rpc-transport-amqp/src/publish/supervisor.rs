//! Where everything leaves, across sessions: the publisher of the day, and the way to wait for it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::timeout;

use crate::connection::supervisor::{Link, Session, Unavailable};
use crate::publish::publisher::{Fate, Publisher};

/// How long the broker may take to open a channel.
const OPEN: Duration = Duration::from_secs(5);
/// Before a channel is opened once more on a connection that would not have it.
const PAUSE: Duration = Duration::from_millis(100);

pub(crate) struct Outlet {
    link: Arc<Link>,
    current: watch::Sender<Option<Arc<Publisher>>>,
}

/// A publisher that takes a message now, and the room for it.
pub(crate) struct Ready {
    pub(crate) publisher: Arc<Publisher>,
    pub(crate) room: OwnedSemaphorePermit,
}

impl Outlet {
    pub(crate) fn new(link: Arc<Link>) -> Self {
        Self { link, current: watch::Sender::new(None) }
    }

    pub(crate) fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// Opens publishers for one session after the other until the transport is closed.
    pub(crate) async fn run(&self, fate: Arc<dyn Fate>) {
        // Dropped right before its connection is closed, a channel would upset the client library.
        let mut _last = None;
        while let Some(session) = self.link.next_session().await {
            // The connection of this one is gone by now.
            _last = None;
            _last = self.serve(&session, &fate).await;
        }
    }

    /// Returns the last publisher, which is of no use any more.
    async fn serve(&self, session: &Arc<Session>, fate: &Arc<dyn Fate>) -> Option<Arc<Publisher>> {
        let mut last = None;
        while !session.has_ended() {
            match timeout(OPEN, Publisher::open(session, Arc::clone(fate))).await {
                Ok(Ok(publisher)) => {
                    self.current.send_replace(Some(Arc::clone(&publisher)));
                    publisher.closed().await;
                    // Its collector, which knows the whole transport, lives as long as it.
                    self.current.send_replace(None);
                    last = Some(publisher);
                }
                Ok(Err(error)) => {
                    tracing::warn!(%error, "cannot open a channel to publish on");
                    session.pause(PAUSE).await;
                }
                Err(_) => session.end(),
            }
        }
        last
    }

    /// A publisher that takes a message at once, if there is one.
    pub(crate) fn now(&self) -> Option<Ready> {
        let publisher = self.current.borrow().as_ref().filter(|it| it.is_open()).cloned()?;
        let room = publisher.room()?;
        Some(Ready { publisher, room })
    }

    /// A publisher that takes a message, when there is one: connected, not blocked, with room.
    ///
    /// Cancel safe: nothing is sent by waiting.
    pub(crate) async fn when_ready(&self) -> Result<Ready, Unavailable> {
        let mut current = self.current.subscribe();
        loop {
            let session = self.link.session().await?;
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
            let room = tokio::select! {
                room = publisher.wait_for_room() => room,
                () = publisher.closed() => None,
            };
            match room {
                Some(room) if publisher.is_open() => return Ok(Ready { publisher, room }),
                _ => tokio::task::yield_now().await,
            }
        }
    }

    /// The session of a publisher that takes a message, when there is one: for what is published on another channel.
    ///
    /// Cancel safe: nothing is sent by waiting.
    pub(crate) async fn session_when_ready(&self) -> Result<Arc<Session>, Unavailable> {
        let ready = self.when_ready().await?;
        Ok(Arc::clone(&ready.publisher.session))
    }
}
