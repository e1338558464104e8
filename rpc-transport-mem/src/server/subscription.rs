use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rpc_core::MessageId;
use rpc_core::transport::QueueKind;

use crate::faults::Fault;
use crate::topic::{ListenerId, Topic};

/// What a listener and its deliveries share. It holds references to the listener's queues until the last delivery is
/// dropped.
pub(super) struct Subscription {
    pub(super) topic: Arc<Topic>,
    pub(super) id: ListenerId,
    /// Nothing delivered so far can be acknowledged: an injected fault.
    crashed: AtomicBool,
}

impl Subscription {
    pub(super) const fn new(topic: Arc<Topic>, id: ListenerId) -> Self {
        Self { topic, id, crashed: AtomicBool::new(false) }
    }

    pub(super) fn crash(&self) {
        self.crashed.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_crashed(&self) -> bool {
        self.crashed.load(Ordering::Relaxed)
    }

    /// Returns which of the listener's queues has this index.
    pub(super) fn queue_kind(&self, queue: usize) -> QueueKind {
        let [fanout, server, _] = self.id.queues;
        match queue {
            _ if queue == fanout => QueueKind::Fanout,
            _ if queue == server => QueueKind::Server,
            _ => QueueKind::Topic,
        }
    }

    /// Returns whether this fault is injected for this message.
    pub(super) fn injects(&self, fault: Fault, message: MessageId) -> bool {
        let log = self.topic.broker.fault_log.as_ref();
        log.is_some_and(|log| log.inject(fault, message).is_some())
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.topic.release(self.id.queues);
    }
}
