//! The broker: topics by name, and what they share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rpc_core::error::{Ran, SendError, TransportErrorKind};
use rpc_core::pending_calls::PendingCalls;
use rpc_core::transport::ConnectionState;
use tokio::sync::watch;

use crate::builder::MemBuilder;
use crate::faults::FaultLog;
use crate::topic::Topic;

/// Brokers that are found by name, as long as somebody uses them.
static NAMED: Mutex<Option<HashMap<String, Weak<Broker>>>> = Mutex::new(None);
static NEXT_ID: AtomicU64 = AtomicU64::new(0);

pub(crate) struct Broker {
    /// Tells this broker from all others of the process.
    pub(crate) id: u64,
    pub(crate) config: MemBuilder,
    pub(crate) pending_calls: PendingCalls,
    pub(crate) state: watch::Sender<ConnectionState>,
    pub(crate) faults: Option<Arc<FaultLog>>,
    topics: Mutex<Topics>,
}

#[derive(Default)]
struct Topics {
    closed: bool,
    /// Made by listeners, never by senders, and kept: they are as many as a program has topics.
    by_name: HashMap<Box<str>, Arc<Topic>>,
}

impl Broker {
    pub(crate) fn new(config: MemBuilder) -> Arc<Self> {
        Arc::new(Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            faults: config.faults.clone().map(|faults| Arc::new(FaultLog::new(faults))),
            config,
            pending_calls: PendingCalls::new(),
            state: watch::Sender::new(ConnectionState::Connected),
            topics: Mutex::default(),
        })
    }

    /// The broker of that name, made if there is none or only a closed one.
    pub(crate) fn named(name: &str) -> Arc<Self> {
        let mut named = lock(&NAMED);
        let named = named.get_or_insert_default();
        named.retain(|_, broker| broker.strong_count() > 0);
        if let Some(broker) = named.get(name).and_then(Weak::upgrade)
            && !broker.is_closed()
        {
            return broker;
        }
        let broker = Self::new(MemBuilder::new());
        named.insert(name.to_owned(), Arc::downgrade(&broker));
        broker
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.topics().closed
    }

    pub(crate) fn topic(&self, name: &str) -> Option<Arc<Topic>> {
        self.topics().by_name.get(name).cloned()
    }

    /// The topic to listen on; `None` when the broker has been closed.
    pub(crate) fn topic_or_new(&self, name: &str) -> Option<Arc<Topic>> {
        let mut topics = self.topics();
        if topics.closed {
            return None;
        }
        let topic =
            topics.by_name.entry(name.into()).or_insert_with(|| Arc::new(Topic::new(name, self)));
        Some(Arc::clone(topic))
    }

    pub(crate) fn all_topics(&self) -> Vec<Arc<Topic>> {
        self.topics().by_name.values().cloned().collect()
    }

    pub(crate) fn restart(&self) {
        if self.is_closed() {
            return;
        }
        self.state.send_replace(ConnectionState::Connecting);
        self.all_topics().iter().for_each(|topic| topic.restart());
        self.state.send_replace(ConnectionState::Connected);
    }

    pub(crate) fn close(&self) {
        // No topic is made from here on.
        if std::mem::replace(&mut self.topics().closed, true) {
            return;
        }
        self.all_topics().iter().for_each(|topic| topic.close());
        let message = "the in-memory transport was closed while the call waited for its answer";
        let error = SendError::new(TransportErrorKind::Closed, Ran::Unknown, message);
        self.pending_calls.fail_all(&error);
        self.state.send_replace(ConnectionState::Closed);
    }

    fn topics(&self) -> MutexGuard<'_, Topics> {
        lock(&self.topics)
    }
}

/// What these locks guard is whole between any two statements, so a panic elsewhere does not spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
