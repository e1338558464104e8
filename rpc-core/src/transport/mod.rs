//! The interface between the framework and a message broker.
//!
//! A transport sends requests and brings outcomes back, and nothing more: it knows neither endpoints nor the types of
//! methods. The in-memory broker and RabbitMQ implement the same traits. This crate knows neither by name.
//!
//! - A client calls [`Transport::send`] and gets [`Sent`]: the pending reply ([`PendingReply`]), and the publishing,
//!   which is done or still under way.
//! - A server calls [`Transport::listen`] and gets a [`Listener`], which yields one [`Incoming`] message at a time: a
//!   [`Delivery`], or an [`EncodedDelivery`] that becomes one when the task of its method decodes it.
//!
//! To add a transport, implement [`Transport`], [`Listener`], [`Delivery`] and, where messages have to be
//! decoded, [`EncodedDelivery`] on top of
//! [`PendingCalls`](crate::pending_calls::PendingCalls) and, if messages may come back while they are processed,
//! [`DeliveryMemory`](delivery_memory::DeliveryMemory), and a [`TransportFactory`] for its URLs.

mod ack_mode;
mod delivery;
pub mod delivery_memory;
mod incoming;
mod listen;
mod queue_kind;
mod route;
mod state;
mod url;

use std::sync::Arc;
use std::time::Duration;

pub use self::ack_mode::AckMode;
pub use self::delivery::{AckError, Delivery, Listener, ReplyError};
pub use self::incoming::{EncodedDelivery, Incoming};
pub use self::listen::{Listen, ListenError};
pub use self::queue_kind::QueueKind;
pub use self::route::{Destination, Route};
pub use self::state::ConnectionState;
pub use self::url::{ConnectError, TransportFactory, Transports};
use crate::codec::Codec;
use crate::endpoint::BoxFuture;
use crate::error::SendError;
use crate::maybe_ready::MaybeReady;
use crate::message::Request;
use crate::pending_calls::PendingReply;
pub use crate::untrusted::Untrusted;

/// Carries messages between clients and servers.
///
/// Servers and clients take `impl Into<Arc<dyn Transport>>`. The crate of a transport implements
/// `From<ItsTransport> for Arc<dyn Transport>`, so that users need not write the `Arc`.
///
/// ```
/// use rpc_core::Transport;
/// use rpc_core::transport::ConnectionState;
///
/// async fn until_connected(transport: &dyn Transport) {
///     let mut state = transport.state();
///     let _ = state.wait_for(|state| *state == ConnectionState::Connected).await;
/// }
/// ```
pub trait Transport: Send + Sync + 'static {
    /// Returns the encoding of arguments. Clients ask once, when they are made.
    fn codec(&self) -> Codec;

    /// Returns what this transport can do.
    fn capabilities(&self) -> Capabilities;

    /// Sends a request.
    ///
    /// When the request wants a reply, its pending call exists, with its deadline, before the publishing starts. So one
    /// deadline limits connecting, publishing and waiting. The transport calls [`Request::mark_sent`] right before the
    /// message could reach a server.
    ///
    /// # Errors
    ///
    /// Fails for what is known at once: no server consumes from the target, the message is too large, the transport is
    /// closed.
    fn send(&self, route: &Route, request: Arc<Request>) -> Result<Sent, SendError>;

    /// Starts to consume as a server: from the topic (shared with other servers), from the server's own name, and from
    /// the topic's fanout.
    ///
    /// Messages that are sent after the future completed reach this listener.
    ///
    /// # Errors
    ///
    /// Fails when the transport is closed, or when the broker refuses.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing consumes then. A queue that expires may stay in the broker.
    fn listen(&self, listen: Listen) -> BoxFuture<'_, Result<Box<dyn Listener>, ListenError>>;

    /// Observes the state of the connection.
    fn state(&self) -> tokio::sync::watch::Receiver<ConnectionState>;

    /// Closes the transport. Pending calls fail, and listeners end.
    ///
    /// # Cancel safety
    ///
    /// Safe: the transport closes all the same, but the caller does not learn when.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// A request that the transport accepted.
#[derive(Debug)]
pub struct Sent {
    /// The pending reply. `None` for a cast.
    pub reply: Option<PendingReply>,
    /// The publishing: done, or still under way. Dropping it while it is under way cancels the message.
    ///
    /// For a call it may be done early, if the transport fails the pending call where the publishing fails later. A
    /// request that was not [marked as sent](Request::mark_sent) has not been published.
    pub publish: MaybeReady<Result<(), SendError>>,
}

/// What a transport can do. By default nothing.
///
/// The framework itself uses `cancel_is_exact`, `min_monitor` and `max_message`. The other fields tell users, and the
/// conformance suite, what to expect.
#[derive(Debug, Copy, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// A call to a target without a server fails at once.
    pub detects_missing_server: bool,
    /// Unacknowledged messages are delivered again.
    pub at_least_once: bool,
    /// The server is told when a caller cancels.
    pub cancel: bool,
    /// A caller that cancels before the method started is sure that the method never runs.
    pub cancel_is_exact: bool,
    /// Messages whose deadline has passed are removed from their queue.
    pub expires_in_queue: bool,
    /// The shortest period of a call monitor. A call that asks for a shorter one gets this one. `None`: no minimum.
    pub min_monitor: Option<Duration>,
    /// The largest message in bytes. `None`: the transport has no limit of its own.
    pub max_message: Option<usize>,
}
