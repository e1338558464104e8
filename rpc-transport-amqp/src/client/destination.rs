//! What is known of the targets that messages are sent to: whether anybody listens, and which calls wait there.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rpc_core::pending_calls::{CallKey, PendingCalls};
use rpc_core::transport::Route;
use tokio::time::Instant;

use crate::client::address::Address;
use crate::config::Config;
use crate::wire::names;

/// For so long a target that was seen with consumers is believed to have some.
pub(crate) const BELIEVED: Duration = Duration::from_secs(1);

/// One target. Routes remember theirs.
pub(crate) struct Target {
    pub(crate) address: Address,
    pub(crate) exchange: String,
    /// For a single queue, its name; empty for a fanout.
    pub(crate) routing_key: String,
    /// There was no queue, and nothing has arrived since.
    absent: AtomicBool,
    knowledge: Mutex<Knowledge>,
}

#[derive(Default)]
struct Knowledge {
    /// When consumers were last seen.
    seen: Option<Instant>,
    /// Somebody looks just now.
    looking: bool,
    /// Calls that were sent, and when. Those that are over are taken out now and then.
    calls: Vec<(CallKey, Instant)>,
    /// The last look while calls waited found no consumer.
    deserted: bool,
}

/// Looks on behalf of all callers of a target, until dropped.
pub(crate) struct Looking<'a>(&'a Target);

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        self.0.lock().looking = false;
    }
}

impl Target {
    fn new(config: &Config, route: &Route) -> Self {
        let address = Address::of(config, route);
        let (exchange, routing_key) = address.way(config);
        let absent = AtomicBool::new(false);
        Self { address, exchange, routing_key, absent, knowledge: Mutex::default() }
    }

    /// Whether AMQP can hold its names.
    pub(crate) fn fits(&self) -> bool {
        names::fits(&self.exchange) && names::fits(&self.routing_key)
    }

    /// Whether consumers are believed to be there. If that is long ago, one of several callers is asked to look again.
    ///
    /// No look is needed where there was no queue the last time: what is sent there comes back, if it is still so, and each
    /// look at a queue that is not there costs a channel.
    pub(crate) fn look_first(&self) -> Option<Looking<'_>> {
        if self.absent.load(Ordering::Relaxed) {
            return None;
        }
        let mut knowledge = self.lock();
        let fresh = knowledge.seen.is_some_and(|seen| seen.elapsed() < BELIEVED);
        if fresh || (knowledge.looking && knowledge.seen.is_some()) {
            return None;
        }
        knowledge.looking = true;
        Some(Looking(self))
    }

    pub(crate) fn note_consumers(&self, there: bool) {
        let mut knowledge = self.lock();
        knowledge.seen = there.then(Instant::now);
        knowledge.deserted &= !there;
    }

    /// Notes that there is no queue.
    pub(crate) fn note_absent(&self) {
        self.note_consumers(false);
        self.absent.store(true, Ordering::Relaxed);
    }

    /// Notes that a message found the queue.
    pub(crate) fn note_arrival(&self) {
        if self.absent.load(Ordering::Relaxed) {
            self.absent.store(false, Ordering::Relaxed);
        }
    }

    /// Notes that a call has been sent.
    pub(crate) fn note_call(&self, key: CallKey) {
        self.lock().calls.push((key, Instant::now()));
    }

    /// The calls that have waited for longer than a look is believed.
    pub(crate) fn long_waiting(&self, pending_calls: &PendingCalls) -> Vec<CallKey> {
        let mut knowledge = self.lock();
        knowledge.calls.retain(|(key, _)| pending_calls.is_waiting(*key));
        let long = knowledge.calls.iter().filter(|(_, sent)| sent.elapsed() >= BELIEVED);
        long.map(|(key, _)| *key).collect()
    }

    /// Notes that nobody listens while calls wait; true the second time in a row, as the first one may have come in the
    /// middle of a server's taking its leave.
    pub(crate) fn note_desertion(&self) -> bool {
        let mut knowledge = self.lock();
        knowledge.seen = None;
        std::mem::replace(&mut knowledge.deserted, true)
    }

    fn has_calls(&self) -> bool {
        !self.lock().calls.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Knowledge> {
        self.knowledge.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All targets of a transport, by exchange and routing key.
#[derive(Default)]
pub(crate) struct Targets(Mutex<HashMap<(String, String), Arc<Target>>>);

impl Targets {
    pub(crate) fn of(&self, config: &Config, route: &Route) -> Arc<Target> {
        let target = Target::new(config, route);
        let name = (target.exchange.clone(), target.routing_key.clone());
        Arc::clone(self.lock().entry(name).or_insert_with(|| Arc::new(target)))
    }

    pub(crate) fn find(&self, exchange: &str, routing_key: &str) -> Option<Arc<Target>> {
        self.lock().get(&(exchange.to_owned(), routing_key.to_owned())).cloned()
    }

    /// Those at which calls may wait. The others are forgotten, unless a route remembers them.
    pub(crate) fn with_calls(&self) -> Vec<Arc<Target>> {
        let mut targets = self.lock();
        targets.retain(|_, target| Arc::strong_count(target) > 1 || target.has_calls());
        targets.values().filter(|target| target.has_calls()).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(String, String), Arc<Target>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
