//! Where messages go, what is known of the consumers there, and which calls are pending there.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rpc_amqp::{ConfirmHandler, Outcome};
use rpc_core::error::SendError;
use rpc_core::pending_calls::{CallKey, PendingCalls};
use rpc_core::transport::Route;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::Instant;

use super::address::Address;
use crate::config::Config;
use crate::connection::broker_error::describe;
use crate::wire::name_limits;

/// How long the result of a consumer check is trusted.
pub(super) const CONSUMER_CHECK_TTL: Duration = Duration::from_secs(1);

/// One destination. Routes remember theirs.
pub(super) struct Destination {
    pub(super) address: Address,
    pub(super) exchange: String,
    /// The name of a single queue; empty for a fanout.
    pub(super) routing_key: String,
    pending: PendingCalls,
    /// There was no queue, and no message has been confirmed since.
    queue_missing: AtomicBool,
    state: Mutex<State>,
    check_ended: Notify,
}

#[derive(Default)]
struct State {
    /// When consumers were last seen.
    consumers_seen: Option<Instant>,
    /// A consumer check is running.
    checking: bool,
    /// How many checks have begun.
    checks: u64,
    /// The number of the last check that found no consumer.
    found_none: u64,
    /// Calls that were sent, and when. Those that are over are removed now and then.
    calls: Vec<(CallKey, Instant)>,
    /// The last check while calls were pending found no consumer.
    no_consumers: bool,
}

/// What has to be known of the consumers before a call is sent.
pub(super) enum Consumers<'a> {
    /// Nothing more: they were seen, or the message comes back by itself.
    Known,
    /// There are none.
    None,
    /// This caller has to check them.
    Unknown(ConsumerCheck<'a>),
    /// Another caller checks them.
    Checked,
}

/// The right to check the consumers of a destination on behalf of all its callers, until dropped.
pub(super) struct ConsumerCheck<'a> {
    destination: &'a Destination,
    number: u64,
}

impl ConsumerCheck<'_> {
    /// Notes that there is no consumer, also for the callers that wait since before the check.
    pub(super) fn found_none(&self) {
        self.destination.note_consumers(false);
        self.destination.state.lock().found_none = self.number;
    }
}

impl Drop for ConsumerCheck<'_> {
    fn drop(&mut self) {
        self.destination.state.lock().checking = false;
        self.destination.check_ended.notify_waiters();
    }
}

impl Destination {
    fn new(config: &Config, route: &Route, pending: PendingCalls) -> Self {
        let address = Address::new(config, route);
        let (exchange, routing_key) = address.routing(config);
        let (queue_missing, state) = (AtomicBool::new(false), Mutex::default());
        let check_ended = Notify::new();
        Self { address, exchange, routing_key, pending, queue_missing, state, check_ended }
    }

    /// Returns whether its names are short enough for AMQP.
    pub(super) fn has_valid_names(&self) -> bool {
        name_limits::fits_short_string(&self.exchange)
            && name_limits::fits_short_string(&self.routing_key)
    }

    /// Returns whether a call can be sent at once.
    ///
    /// No check is needed while the queue is missing: a message that is sent there is returned, and each check of a missing
    /// queue costs a channel.
    pub(super) fn is_checked(&self) -> bool {
        self.queue_missing.load(Ordering::Relaxed) || self.state.lock().is_checked()
    }

    /// Returns how many checks have begun.
    pub(super) fn checks(&self) -> u64 {
        self.state.lock().checks
    }

    /// Returns what is known of the consumers for a call that was made after `checks` checks had begun. Of several callers only
    /// one checks them: the broker may be slow to answer, and checks of other destinations need its channels.
    pub(super) fn consumers(&self, checks: u64) -> Consumers<'_> {
        if self.queue_missing.load(Ordering::Relaxed) {
            return Consumers::Known;
        }
        let mut state = self.state.lock();
        if state.is_checked() {
            Consumers::Known
        } else if state.found_none > checks {
            // An earlier check may have missed a server that started before the call was made.
            Consumers::None
        } else if state.checking {
            Consumers::Checked
        } else {
            state.checking = true;
            state.checks += 1;
            Consumers::Unknown(ConsumerCheck { destination: self, number: state.checks })
        }
    }

    /// Returns a future that resolves when a check ends after it was enabled.
    pub(super) fn check_ended(&self) -> Notified<'_> {
        self.check_ended.notified()
    }

    /// Notes whether there are consumers.
    pub(super) fn note_consumers(&self, present: bool) {
        let mut state = self.state.lock();
        state.consumers_seen = present.then(Instant::now);
        state.no_consumers &= !present;
    }

    /// Notes that there is no queue.
    pub(super) fn note_missing_queue(&self) {
        self.note_consumers(false);
        self.queue_missing.store(true, Ordering::Relaxed);
    }

    /// Notes that a call has been sent.
    pub(super) fn note_call(&self, call: CallKey) {
        self.state.lock().calls.push((call, Instant::now()));
    }

    /// Returns and forgets the calls that were sent so far.
    pub(super) fn take_calls(&self) -> Vec<CallKey> {
        mem::take(&mut self.state.lock().calls).into_iter().map(|(call, _)| call).collect()
    }

    /// Returns the calls that are pending for longer than a consumer check is trusted.
    pub(super) fn long_pending(&self, pending: &PendingCalls) -> Vec<CallKey> {
        let mut state = self.state.lock();
        state.calls.retain(|(call, _)| pending.is_waiting(*call));
        let long = state.calls.iter().filter(|(_, sent)| sent.elapsed() >= CONSUMER_CHECK_TTL);
        long.map(|(call, _)| *call).collect()
    }

    /// Notes that a check found no consumer while calls are pending. Returns whether the check before it found none either: a
    /// single check may have come in the middle of a server's shutdown.
    pub(super) fn missed_consumers_twice(&self) -> bool {
        let mut state = self.state.lock();
        state.consumers_seen = None;
        mem::replace(&mut state.no_consumers, true)
    }

    fn has_calls(&self) -> bool {
        !self.state.lock().calls.is_empty()
    }
}

impl State {
    /// Returns whether consumers were seen, lately or until the check that is running.
    fn is_checked(&self) -> bool {
        self.consumers_seen.is_some_and(|seen| seen.elapsed() < CONSUMER_CHECK_TTL)
            || (self.checking && self.consumers_seen.is_some())
    }
}

/// The messages are calls, known by the bits of their keys.
impl ConfirmHandler for Destination {
    fn on_outcome(&self, call: u128, outcome: Outcome) {
        let address = &self.address;
        let error: SendError = match outcome {
            Outcome::Confirmed => {
                if self.queue_missing.load(Ordering::Relaxed) {
                    self.queue_missing.store(false, Ordering::Relaxed);
                }
                return;
            }
            Outcome::Returned(_) => {
                self.note_missing_queue();
                address.missing_queue()
            }
            Outcome::Nacked => address.nacked(),
            Outcome::Refused(error) => address.rejected(&describe(&error)),
            Outcome::Lost(error) if error.is_channel_error() => {
                address.channel_closed(&describe(&error))
            }
            _ => address.lost(),
        };
        self.pending.fail(CallKey::from_bits(call), error);
    }
}

/// All destinations of a transport, by exchange and routing key.
pub(super) struct Destinations {
    /// Tells transports apart: a client's route may come to another transport.
    transport: u64,
    config: Arc<Config>,
    pending: PendingCalls,
    known: Mutex<HashMap<(String, String), Arc<Destination>>>,
}

/// What a route remembers.
struct Remembered {
    transport: u64,
    destination: Arc<Destination>,
}

static NEXT_TRANSPORT: AtomicU64 = AtomicU64::new(0);

impl Destinations {
    pub(super) fn new(config: Arc<Config>, pending: PendingCalls) -> Self {
        let transport = NEXT_TRANSPORT.fetch_add(1, Ordering::Relaxed);
        Self { transport, config, pending, known: Mutex::default() }
    }

    /// Returns the destination of a route, which remembers it.
    pub(super) fn of(&self, route: &Route) -> Arc<Destination> {
        let transport = self.transport;
        if let Some(remembered) = route.cached::<Remembered>()
            && remembered.transport == transport
        {
            return Arc::clone(&remembered.destination);
        }
        let new = Destination::new(&self.config, route, self.pending.clone());
        let name = (new.exchange.clone(), new.routing_key.clone());
        let destination =
            Arc::clone(self.known.lock().entry(name).or_insert_with(|| Arc::new(new)));
        route.remember(Remembered { transport, destination: Arc::clone(&destination) });
        destination
    }

    /// Returns the destinations at which calls may be pending. The others are forgotten, unless a route remembers them.
    pub(super) fn with_calls(&self) -> Vec<Arc<Destination>> {
        let mut known = self.known.lock();
        known.retain(|_, it| Arc::strong_count(it) > 1 || it.has_calls());
        known.values().filter(|it| it.has_calls()).cloned().collect()
    }
}
