//! The seam between the framework and a message broker.
//!
//! A transport hands requests over and brings outcomes back, and nothing more: it never sees an endpoint or a method's
//! types. The in-memory broker and RabbitMQ stand behind the same traits; core knows neither by name.
//!
//! - A client calls [`Transport::send`] and gets [`Sent`]: the waiter's handle ([`PendingReply`]) and
//!   the hand-over, done or still under way.
//! - A server calls [`Transport::listen`] and takes one [`Delivery`] at a time from its [`Listener`].

mod ack_mode;
mod delivery;
mod route;
mod state;
mod url;

use std::sync::Arc;
use std::time::Duration;

pub use self::ack_mode::AckMode;
pub use self::delivery::{AckError, Delivery, Listener, ReplyError};
pub use self::route::{Destination, Route};
pub use self::state::ConnectionState;
pub use self::url::{ConnectError, TransportFactory, Transports};
use crate::codec::Codec;
use crate::endpoint::BoxFuture;
use crate::error::SendError;
use crate::maybe_ready::MaybeReady;
use crate::message::Request;
use crate::pending_calls::PendingReply;

/// A way to carry messages between clients and servers.
///
/// Servers and clients take `impl Into<Arc<dyn Transport>>`; a transport's crate implements
/// `From<ItsTransport> for Arc<dyn Transport>`, so that its users need not write the `Arc`.
pub trait Transport: Send + Sync + 'static {
    /// What arguments are to be encoded in. Asked once, when a client is made.
    fn codec(&self) -> Codec;

    /// What this transport can do.
    fn capabilities(&self) -> Capabilities;

    /// Hands a request over.
    ///
    /// Where the request wants a reply, its waiter exists, with its deadline, before the hand-over begins; so one
    /// deadline bounds connecting, publishing and waiting. The transport calls
    /// [`Request::mark_sent`] right before the message could reach a server.
    ///
    /// # Errors
    ///
    /// What is known at once: nobody listens, the message is too large, the transport is closed.
    fn send(&self, route: &Route, request: Arc<Request>) -> Result<Sent, SendError>;

    /// Begins to listen as a server: on the topic (shared with the others), on the server's own name and on the topic's
    /// fanout. When the future resolves, messages sent from then on reach this listener.
    ///
    /// # Errors
    ///
    /// The transport is closed, or the broker will not have it.
    ///
    /// # Cancel safety
    ///
    /// Safe: nobody listens then. A broker may be left with a queue that expires.
    fn listen(&self, listen: Listen) -> BoxFuture<'_, Result<Box<dyn Listener>, ListenError>>;

    /// The state of the connection, observable.
    fn state(&self) -> tokio::sync::watch::Receiver<ConnectionState>;

    /// Closes the transport: calls that wait end with an error, listeners end.
    ///
    /// # Cancel safety
    ///
    /// Safe: it is closed all the same, and nobody knows when that is done.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// A request that has been taken by the transport.
#[derive(Debug)]
pub struct Sent {
    /// Where the outcome will appear; `None` for a cast.
    pub reply: Option<PendingReply>,
    /// The hand-over itself: done, or still under way. Dropping it while under way gives the message up.
    pub publish: MaybeReady<Result<(), SendError>>,
}

/// What a transport can do. Everything is off by default.
///
/// Core acts on `cancel_is_exact`, `min_monitor` and `max_message`; the others tell users, and the conformance suite, what
/// to expect.
#[derive(Debug, Copy, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// A call to a target that nobody serves fails at once.
    pub detects_missing_server: bool,
    /// What was not acknowledged is delivered again.
    pub at_least_once: bool,
    /// A caller that gives up can tell the server.
    pub cancel: bool,
    /// A caller that gives up before its method began is sure that it never will.
    pub cancel_is_exact: bool,
    /// Messages whose deadline has passed leave the queue by themselves.
    pub expires_in_queue: bool,
    /// Peers give signs of life no more often than this asks for: a call that asks for more has to do with it. `None`: as
    /// often as a call likes.
    pub min_monitor: Option<Duration>,
    /// The largest message in bytes; `None`: no limit of the transport's own.
    pub max_message: Option<usize>,
}

/// What a server listens on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listen {
    /// The exchange; `None`: the transport's default.
    pub exchange: Option<String>,
    /// The topic, shared by competing servers.
    pub topic: String,
    /// The name of this server.
    pub server: String,
    /// How many messages the server works on at a time; a broker need not push more.
    pub concurrency: usize,
    /// When the server acknowledges. Before its method runs, a message that has been delivered and not yet acknowledged is
    /// one that nobody has begun with; after its reply, it is one at work.
    pub ack_mode: AckMode,
}

impl Listen {
    /// On `topic` as `server`, on the default exchange, for one task at a time that is acknowledged before it runs.
    #[must_use]
    pub fn new(topic: impl Into<String>, server: impl Into<String>) -> Self {
        Self {
            exchange: None,
            topic: topic.into(),
            server: server.into(),
            concurrency: 1,
            ack_mode: AckMode::BeforeInvoke,
        }
    }
}

/// A server could not begin to listen: oslo.messaging's `ServerListenError`.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot listen on topic `{topic}` as `{server}`: {reason}")]
pub struct ListenError {
    topic: String,
    server: String,
    reason: String,
}

impl ListenError {
    /// The error for what was to be listened on, and why it failed.
    #[must_use]
    pub fn new(listen: &Listen, reason: impl Into<String>) -> Self {
        Self { topic: listen.topic.clone(), server: listen.server.clone(), reason: reason.into() }
    }
}
