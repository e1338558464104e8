//! The transport over a broker within the process.

use std::fmt;
use std::sync::Arc;

use rpc_core::error::{Ran, SendError, TransportErrorKind};
use rpc_core::transport::{
    Capabilities, ConnectionState, Listen, ListenError, Listener, Route, Sent, Transport,
};
use rpc_core::{BoxFuture, Codec, Request};
use tokio::sync::watch;

use crate::broker::Broker;
use crate::builder::MemBuilder;
use crate::client::{self as sender, Place};
use crate::factory::MemFactory;
use crate::faults::FaultLog;
use crate::server::listener::MemListener;
use crate::topic::Hint;
use crate::topic::address::Address;

/// Carries messages within the process, through a broker that works as RabbitMQ does where servers and clients can see
/// it: exchanges, topics, servers, fanout, acknowledgements, redelivery.
///
/// Clones share one broker. Nothing runs in the background: senders and servers wake each other, so it works on any
/// runtime, on several, and under tokio's paused time.
///
/// - A message goes to the listener that has waited longest. A listener's own queues take turns.
/// - Where nobody listens, calls, casts and fanouts fail at once with
///   [`MissingServer`](TransportErrorKind::MissingServer).
/// - Queues are bounded; senders wait for room in the order they came.
/// - What is not acknowledged goes back to the head of its queue, marked as redelivered.
/// - When the last listener of a queue leaves, calls that wait there fail; casts wait for the next listener.
/// - Messages that expired or whose caller has gone leave the queue when they come to its head.
/// - A fanout reaches the servers of its topic in *every* exchange, as oslo.messaging's does on RabbitMQ.
///
/// ```
/// use rpc_core::Transport;
/// use rpc_transport_mem::MemTransport;
///
/// let transport = MemTransport::new();
/// assert!(transport.capabilities().detects_missing_server);
/// ```
#[derive(Clone)]
pub struct MemTransport {
    broker: Arc<Broker>,
}

impl MemTransport {
    /// A transport with a broker of its own, which only its clones reach.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// The transport over the broker of that name, which the whole process shares.
    ///
    /// The first to ask makes the broker, with default settings. It lives as long as a transport over it; after that, or
    /// once it was closed, the name stands for a new one.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self::over(Broker::named(name))
    }

    /// Begins a transport with settings other than the defaults.
    pub const fn builder() -> MemBuilder {
        MemBuilder::new()
    }

    /// Makes transports from `mem:` URLs, for [`Transports`](rpc_core::Transports).
    #[must_use]
    pub const fn factory() -> MemFactory {
        MemFactory::new()
    }

    pub(crate) const fn over(broker: Arc<Broker>) -> Self {
        Self { broker }
    }

    /// How many calls wait for their outcome.
    #[must_use]
    pub fn pending_calls(&self) -> usize {
        self.broker.pending_calls.len()
    }

    /// How many messages wait in queues.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.broker.all_topics().iter().map(|topic| topic.queued()).sum()
    }

    /// How many messages servers hold that they have neither acknowledged nor given back.
    #[must_use]
    pub fn unacknowledged(&self) -> usize {
        self.broker.all_topics().iter().map(|topic| topic.unacknowledged()).sum()
    }

    /// How many listeners take messages.
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.broker.all_topics().iter().map(|topic| topic.listeners()).sum()
    }

    /// The faults dealt so far, where the transport was built with [`faults`](MemBuilder::faults).
    #[must_use]
    pub fn faults(&self) -> Option<&FaultLog> {
        self.broker.faults.as_deref()
    }

    /// Does what a restart of a broker with durable queues would do, for tests of servers.
    ///
    /// Queued messages, waiting senders, listeners and waiting calls stay, as they do for peers that reconnect. What is
    /// unacknowledged can no longer be acknowledged: it comes back, marked as redelivered, as soon as its holder drops
    /// it. Answers are not affected.
    pub fn restart(&self) {
        self.broker.restart();
    }

    fn refuse(&self, route: &Route) -> SendError {
        let address = Address::of(route);
        if self.broker.is_closed() { address.closed() } else { address.nobody_listens() }
    }

    /// Sends where the route remembers nothing yet, or something of another broker.
    #[cold]
    fn send_first(&self, route: &Route, request: Arc<Request>) -> Result<Sent, SendError> {
        let Some(topic) = self.broker.topic(&route.topic) else { return Err(self.refuse(route)) };
        let place = Place { topic, queue: Hint::none() };
        let sent = sender::send(&self.broker, &place, route, request);
        route.remember(place);
        sent
    }

    fn check_size(&self, request: &Request) -> Result<(), SendError> {
        let (size, limit) = (request.args.len(), self.broker.config.max_message);
        if limit.is_some_and(|limit| size > limit) {
            let message = format!(
                "the arguments take {size} bytes, this in-memory transport carries at most {}: \
                 send less, or raise its `max_message`",
                limit.unwrap_or_default()
            );
            return Err(SendError::new(TransportErrorKind::TooLarge, Ran::No, message));
        }
        Ok(())
    }

    fn listen_now(&self, listen: &Listen) -> Result<Box<dyn Listener>, ListenError> {
        let topic = self.broker.topic_or_new(&listen.topic);
        let joined = topic.and_then(|topic| topic.join(listen).map(|seat| (topic, seat)));
        let Some((topic, seat)) = joined else {
            return Err(ListenError::new(listen, "the in-memory transport has been closed"));
        };
        Ok(Box::new(MemListener::new(topic, seat)))
    }
}

impl Transport for MemTransport {
    fn codec(&self) -> Codec {
        self.broker.config.codec
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.detects_missing_server = true;
        capabilities.at_least_once = true;
        capabilities.cancel = true;
        capabilities.cancel_is_exact = true;
        capabilities.expires_in_queue = true;
        capabilities.max_message = self.broker.config.max_message;
        capabilities
    }

    fn send(&self, route: &Route, request: Arc<Request>) -> Result<Sent, SendError> {
        self.check_size(&request)?;
        if let Some(place) = route.cached::<Place>()
            && place.topic.broker == self.broker.id
        {
            return sender::send(&self.broker, place, route, request);
        }
        self.send_first(route, request)
    }

    fn listen(&self, listen: Listen) -> BoxFuture<'_, Result<Box<dyn Listener>, ListenError>> {
        Box::pin(std::future::ready(self.listen_now(&listen)))
    }

    fn state(&self) -> watch::Receiver<ConnectionState> {
        self.broker.state.subscribe()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.broker.close();
        Box::pin(std::future::ready(()))
    }
}

impl Default for MemTransport {
    fn default() -> Self {
        Self::new()
    }
}

impl From<MemTransport> for Arc<dyn Transport> {
    fn from(transport: MemTransport) -> Self {
        Arc::new(transport) as Self
    }
}

impl fmt::Debug for MemTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemTransport")
            .field("broker", &self.broker.id)
            .field("listeners", &self.listeners())
            .field("queued", &self.queued())
            .field("pending_calls", &self.pending_calls())
            .finish_non_exhaustive()
    }
}
