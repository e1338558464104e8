//! Channels that are lent to one user at a time, and given back for the next one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lapin::Channel;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::connection::supervisor::Session;

pub(crate) struct Channels {
    room: Semaphore,
    free: Mutex<Vec<(Arc<Session>, Channel)>>,
}

impl Channels {
    /// So many can be lent at a time.
    pub(crate) fn new(at_a_time: usize) -> Self {
        Self { room: Semaphore::new(at_a_time), free: Mutex::default() }
    }

    /// Resolves when one more can be lent, until the permit is dropped.
    pub(crate) async fn room(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.room.acquire().await.ok()
    }

    /// One of the session's that was given back, if there is any. Those of earlier sessions are forgotten.
    pub(crate) fn take(&self, session: &Arc<Session>) -> Option<Channel> {
        let mut free = self.lock();
        free.retain(|(known, channel)| Arc::ptr_eq(known, session) && channel.status().connected());
        free.pop().map(|(_, channel)| channel)
    }

    pub(crate) fn give_back(&self, session: &Arc<Session>, channel: Channel) {
        self.lock().push((Arc::clone(session), channel));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Arc<Session>, Channel)>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
