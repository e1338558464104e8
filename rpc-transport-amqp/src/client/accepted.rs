//! The client half of cancellation: which server has accepted which call.
//!
//! A server says so of calls that run for a while. A call that was dropped before that is cancelled when the notice comes.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use rpc_core::pending_calls::CallKey;

use super::reply_queue::ReplyQueue;
use crate::publish::{LoggedPublish, PublisherSupervisor};
use crate::wire::{self, Acceptance};

/// The calls that servers have accepted, and the queues at which these servers receive cancellations.
pub(super) struct AcceptedCalls {
    reply_queue: Arc<ReplyQueue>,
    publisher: Arc<PublisherSupervisor>,
    servers: Mutex<HashMap<CallKey, Acceptance>>,
    /// Spares the lock while no call is accepted, as is most often so.
    count: AtomicUsize,
}

impl AcceptedCalls {
    pub(super) fn new(reply_queue: Arc<ReplyQueue>, publisher: Arc<PublisherSupervisor>) -> Self {
        Self { reply_queue, publisher, servers: Mutex::default(), count: AtomicUsize::new(0) }
    }

    /// Notes that a server has accepted the call.
    pub(super) fn insert(&self, call: CallKey, server: Acceptance) {
        let mut servers = self.servers.lock();
        servers.insert(call, server);
        self.count.store(servers.len(), Ordering::Relaxed);
    }

    /// Forgets a call that is over. Returns what the server that had accepted it said.
    pub(super) fn remove(&self, call: CallKey) -> Option<Acceptance> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let mut servers = self.servers.lock();
        let server = servers.remove(&call);
        self.count.store(servers.len(), Ordering::Relaxed);
        server
    }

    /// Forgets all calls that are no longer pending.
    pub(super) fn retain(&self, is_pending: impl Fn(CallKey) -> bool) {
        let mut servers = self.servers.lock();
        servers.retain(|call, _| is_pending(*call));
        self.count.store(servers.len(), Ordering::Relaxed);
    }

    /// Returns the accepted calls that are pending, by the queues of their servers.
    pub(super) fn by_server(
        &self,
        is_pending: impl Fn(CallKey) -> bool,
    ) -> HashMap<Box<str>, Vec<CallKey>> {
        let mut calls = HashMap::<_, Vec<_>>::new();
        if self.count.load(Ordering::Relaxed) > 0 {
            for (call, server) in self.servers.lock().iter().filter(|(call, _)| is_pending(**call))
            {
                calls.entry(server.queue.clone()).or_default().push(*call);
            }
        }
        calls
    }

    /// Returns whether a server has accepted the call.
    pub(super) fn contains(&self, call: CallKey) -> bool {
        self.servers.lock().contains_key(&call)
    }

    /// Cancels a call that was dropped, if a server has accepted it.
    pub(super) fn cancel(&self, call: CallKey) {
        if let Some(server) = self.remove(call) {
            self.cancel_at(&server, call);
        }
    }

    /// Sends a cancellation to a server, if one can be published now; later it would come too late.
    pub(super) fn cancel_at(&self, server: &Acceptance, call: CallKey) {
        if let Some(permit) = self.publisher.try_permit() {
            let cancel = wire::encode_cancel(server, call, &self.reply_queue.name());
            // If the channel was closed just now, it comes too late.
            let _ = permit.publish(&cancel, LoggedPublish::notice(&cancel), 0);
        }
    }
}
