//! Channels that are lent to one user at a time, and given back for the next one.

use std::sync::Arc;

use parking_lot::Mutex;
use rpc_amqp::Channel;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::Session;

/// A limited number of channels, which their users open on the current session.
pub(crate) struct ChannelPool {
    permits: Semaphore,
    idle: Mutex<Vec<(Arc<Session>, Channel)>>,
}

impl ChannelPool {
    /// Creates a pool from which at most `limit` channels are lent at a time.
    pub(crate) fn new(limit: usize) -> Self {
        Self { permits: Semaphore::new(limit), idle: Mutex::default() }
    }

    /// Waits until one more channel can be lent. It counts as lent until the permit is dropped.
    pub(crate) async fn permit(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.permits.acquire().await.ok()
    }

    /// Takes an idle channel of the session, if there is one. Channels of earlier sessions are forgotten.
    pub(crate) fn take(&self, session: &Arc<Session>) -> Option<Channel> {
        let mut idle = self.idle.lock();
        idle.retain(|(known, channel)| Arc::ptr_eq(known, session) && channel.is_open());
        idle.pop().map(|(_, channel)| channel)
    }

    /// Keeps a channel for its next user, if it is still open.
    pub(crate) fn give_back(&self, session: &Arc<Session>, channel: Channel) {
        if channel.is_open() {
            self.idle.lock().push((Arc::clone(session), channel));
        }
    }
}
