//! The reply queue's declaration. Another one takes its place when the node that holds the queue is down.

use std::sync::Arc;

use parking_lot::RwLock;

use crate::config::Config;
use crate::connection::Session;
use crate::topology::{Queue, broker_declares, random_name, reply_queue, unique_name};

/// The reply queue of a transport, as it is to be declared now.
pub(super) struct ReplyQueue {
    config: Arc<Config>,
    current: RwLock<Named>,
}

/// A declaration.
struct Named {
    name: Arc<str>,
    queue: Arc<Queue>,
    /// The address over which it was first declared. It is on that node, unless the broker places queues in another way.
    declared_at: Option<Arc<str>>,
}

impl Named {
    fn new(config: &Config) -> Self {
        let queue = reply_queue(config, &unique_name(&config.queues.stable_names));
        Self { name: queue.name.as_str().into(), queue: Arc::new(queue), declared_at: None }
    }
}

impl ReplyQueue {
    /// Creates the declaration of a queue with a name that nobody else has.
    pub(super) fn new(config: &Arc<Config>) -> Self {
        Self { config: Arc::clone(config), current: RwLock::new(Named::new(config)) }
    }

    /// Returns the name of the queue.
    pub(super) fn name(&self) -> Arc<str> {
        Arc::clone(&self.current.read().name)
    }

    /// Returns whether the queue still has this name, which [`name`](Self::name) has returned.
    pub(super) fn is_named(&self, name: &Arc<str>) -> bool {
        Arc::ptr_eq(&self.current.read().name, name)
    }

    /// Returns what the queue is declared with.
    pub(super) fn declaration(&self) -> Arc<Queue> {
        Arc::clone(&self.current.read().queue)
    }

    /// Notes that the queue was declared over this address.
    pub(super) fn note_address(&self, address: &Arc<str>) {
        self.current.write().declared_at.get_or_insert_with(|| Arc::clone(address));
    }

    /// Returns whether the queue stays when the transport is closed, for the process that is started next.
    pub(super) fn is_kept(&self) -> bool {
        self.config.queues.stable_names.enabled
    }

    /// Returns whether another process may have the queue: its name is stable, and it was not consumed here yet.
    pub(super) fn may_be_taken(&self) -> bool {
        self.is_kept() && self.current.read().declared_at.is_none()
    }

    /// Returns whether the broker declares other reply queues.
    ///
    /// Cancel safe: nothing stays on the broker.
    pub(super) async fn others_are_declared(&self, session: &Arc<Session>) -> bool {
        broker_declares(reply_queue(&self.config, &random_name()).name, session).await
    }

    /// Uses another declaration from now on, with a name that nobody else has. Returns the name of the last one, and the address over
    /// which it was declared.
    pub(super) fn replace(&self) -> (Arc<str>, Option<Arc<str>>) {
        let last = std::mem::replace(&mut *self.current.write(), Named::new(&self.config));
        (last.name, last.declared_at)
    }
}
