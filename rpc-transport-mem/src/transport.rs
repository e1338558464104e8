//! The transport over an in-process broker.

use std::fmt;
use std::sync::Arc;

use rpc_core::error::{Ran, SendError, TransportErrorKind};
use rpc_core::transport::{
    Capabilities, ConnectionState, Listen, ListenError, Listener, Route, Sent, Transport,
};
use rpc_core::{BoxFuture, Codec, Request};
use tokio::sync::watch;

use crate::broker::{Broker, Config};
use crate::client::{self, CachedRoute};
use crate::faults::FaultLog;
use crate::server::MemListener;
use crate::topic::Address;

/// A transport within the process, over a broker that behaves as RabbitMQ does where clients and servers can see it:
/// exchanges, topics, server names, fanout, acknowledgements, redelivery.
///
/// Clones share one broker. There is no background task: senders and listeners wake each other. So the transport works
/// on any runtime, on several runtimes at once, and with tokio's paused clock.
///
/// - **Dispatch** is round robin: a message goes to the listener that has waited longest. A listener polls its own
///   queues in turn.
/// - **Missing servers**: a call, cast or fanout without a listener fails at once with
///   [`MissingServer`](TransportErrorKind::MissingServer).
/// - **Backpressure**: queues are bounded. Senders wait for space, in the order in which they came.
/// - **Redelivery**: an unacknowledged message returns to the head of its queue, marked as redelivered.
/// - **Last listener**: when it leaves a queue, the queued calls fail; casts wait for the next listener.
/// - **Expiry and cancellation**: a queued message that expired or was cancelled is dropped when it reaches the head of
///   its queue.
/// - **Fanout** reaches the servers of the topic in *every* exchange, as with oslo.messaging on RabbitMQ.
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
    /// Creates a transport with a broker of its own, which only clones of this transport reach.
    ///
    /// ```
    /// use rpc_transport_mem::MemTransport;
    ///
    /// let transport = MemTransport::new();
    /// assert_eq!((transport.queued(), transport.unacked(), transport.listeners()), (0, 0, 0));
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::with_broker(Broker::new(Config::DEFAULT))
    }

    /// Returns a transport over the broker of this name, which the whole process shares.
    ///
    /// The first use of a name creates the broker, with default settings. The broker lives until its last transport is
    /// dropped or it is closed. After that, the name creates a new one.
    ///
    /// ```
    /// use rpc_core::Transport;
    /// use rpc_core::transport::Listen;
    /// use rpc_transport_mem::MemTransport;
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let orders = MemTransport::named("orders");
    /// let listener = orders.listen(Listen::new("orders", "orders-1")).await?;
    /// assert_eq!(MemTransport::named("orders").listeners(), 1);
    /// # drop(listener);
    /// # Ok::<(), rpc_core::transport::ListenError>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self::with_broker(Broker::named(name))
    }

    pub(crate) const fn with_broker(broker: Arc<Broker>) -> Self {
        Self { broker }
    }

    /// Returns how many calls wait for their reply.
    #[must_use]
    pub fn pending_calls(&self) -> usize {
        self.broker.handle.pending_calls.len()
    }

    /// Returns how many messages wait in queues.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.broker.all_topics().iter().map(|topic| topic.queued()).sum()
    }

    /// Returns how many messages are delivered and neither acknowledged nor requeued.
    #[must_use]
    pub fn unacked(&self) -> usize {
        self.broker.all_topics().iter().map(|topic| topic.unacked()).sum()
    }

    /// Returns how many listeners consume messages.
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.broker.all_topics().iter().map(|topic| topic.listeners()).sum()
    }

    /// Returns the log of injected faults, if the transport was built with [`faults`](crate::MemBuilder::faults).
    #[must_use]
    pub fn fault_log(&self) -> Option<&FaultLog> {
        self.broker.handle.fault_log.as_deref()
    }

    /// Simulates a restart of a broker with durable queues, for tests of servers.
    ///
    /// Queued messages, blocked senders, listeners and pending calls stay, as for peers that reconnect. A message that
    /// was delivered before the restart can no longer be acknowledged: it is requeued, marked as redelivered, when its
    /// delivery is dropped. Replies are not affected.
    pub fn restart(&self) {
        self.broker.restart();
    }

    /// Returns the error for a topic that does not exist.
    fn no_topic(&self, route: &Route) -> SendError {
        let address = Address::of(route);
        if self.broker.is_closed() { address.closed() } else { address.no_listeners() }
    }

    /// Sends with a route that has cached nothing yet, or the topic of another broker.
    #[cold]
    fn send_uncached(&self, route: &Route, request: Arc<Request>) -> Result<Sent, SendError> {
        let Some(topic) = self.broker.topic(&route.topic) else {
            return Err(self.no_topic(route));
        };
        let cached = CachedRoute::new(topic);
        let sent = client::send(&self.broker, &cached, route, request);
        route.remember(cached);
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
        let added = topic.and_then(|topic| topic.add_listener(listen).map(|id| (topic, id)));
        let Some((topic, id)) = added else {
            return Err(ListenError::new(listen, "the in-memory transport has been closed"));
        };
        Ok(Box::new(MemListener::new(topic, id)))
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
        if let Some(cached) = route.cached::<CachedRoute>()
            && cached.topic.broker.id == self.broker.handle.id
        {
            return client::send(&self.broker, cached, route, request);
        }
        self.send_uncached(route, request)
    }

    fn listen(&self, listen: Listen) -> BoxFuture<'_, Result<Box<dyn Listener>, ListenError>> {
        Box::pin(std::future::ready(self.listen_now(&listen)))
    }

    fn state(&self) -> watch::Receiver<ConnectionState> {
        self.broker.connection_state.subscribe()
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
            .field("broker", &self.broker.handle.id)
            .field("listeners", &self.listeners())
            .field("queued", &self.queued())
            .field("pending_calls", &self.pending_calls())
            .finish_non_exhaustive()
    }
}
