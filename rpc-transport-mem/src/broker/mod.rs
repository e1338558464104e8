//! The broker: its topics by name, and what they share.

mod config;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use rpc_core::error::{Ran, SendError, TransportErrorKind};
use rpc_core::pending_calls::PendingCalls;
use rpc_core::transport::ConnectionState;
use tokio::sync::watch;

pub(crate) use self::config::Config;
use crate::faults::FaultLog;
use crate::topic::{BrokerHandle, Topic};

/// The brokers that are found by name, while they are in use.
static NAMED: Mutex<Option<HashMap<String, Weak<Broker>>>> = Mutex::new(None);
static NEXT_ID: AtomicU64 = AtomicU64::new(0);

pub(crate) struct Broker {
    pub(crate) config: Config,
    pub(crate) handle: BrokerHandle,
    pub(crate) connection_state: watch::Sender<ConnectionState>,
    topics: Mutex<Topics>,
}

#[derive(Default)]
struct Topics {
    closed: bool,
    /// Created by listeners, never by senders, and kept: a program has few topics.
    by_name: HashMap<Box<str>, Arc<Topic>>,
}

impl Broker {
    pub(crate) fn new(config: Config) -> Arc<Self> {
        let handle = BrokerHandle {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            pending_calls: PendingCalls::new(),
            fault_log: config.faults.clone().map(|plan| Arc::new(FaultLog::new(plan))),
        };
        Arc::new(Self {
            config,
            handle,
            connection_state: watch::Sender::new(ConnectionState::Connected),
            topics: Mutex::default(),
        })
    }

    /// Returns the broker of this name. Creates it if there is none, or only a closed one.
    pub(crate) fn named(name: &str) -> Arc<Self> {
        let mut named = NAMED.lock();
        let named = named.get_or_insert_default();
        named.retain(|_, broker| broker.strong_count() > 0);
        if let Some(broker) = named.get(name).and_then(Weak::upgrade)
            && !broker.is_closed()
        {
            return broker;
        }
        let broker = Self::new(Config::DEFAULT);
        named.insert(name.to_owned(), Arc::downgrade(&broker));
        broker
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.topics.lock().closed
    }

    pub(crate) fn topic(&self, name: &str) -> Option<Arc<Topic>> {
        self.topics.lock().by_name.get(name).cloned()
    }

    /// Returns the topic to listen on, or `None` if the broker is closed. Creates the topic if there is none.
    pub(crate) fn topic_or_new(&self, name: &str) -> Option<Arc<Topic>> {
        let mut topics = self.topics.lock();
        if topics.closed {
            return None;
        }
        let new = || Arc::new(Topic::new(name, self.config.queue_capacity, self.handle.clone()));
        Some(Arc::clone(topics.by_name.entry(name.into()).or_insert_with(new)))
    }

    pub(crate) fn all_topics(&self) -> Vec<Arc<Topic>> {
        self.topics.lock().by_name.values().cloned().collect()
    }

    pub(crate) fn restart(&self) {
        if self.is_closed() {
            return;
        }
        self.connection_state.send_replace(ConnectionState::Connecting);
        self.all_topics().iter().for_each(|topic| topic.restart());
        self.connection_state.send_replace(ConnectionState::Connected);
    }

    pub(crate) fn close(&self) {
        // No topic is created after this line.
        if std::mem::replace(&mut self.topics.lock().closed, true) {
            return;
        }
        self.all_topics().iter().for_each(|topic| topic.close());
        let message = "the in-memory transport was closed while the call waited for its reply";
        let error = SendError::new(TransportErrorKind::Closed, Ran::Unknown, message);
        self.handle.pending_calls.fail_all(&error);
        self.connection_state.send_replace(ConnectionState::Closed);
    }
}
