//! The server's half of a transport: a listener, and the messages that it delivers.

use std::sync::Arc;
use std::task::{Context, Poll};

use super::{Incoming, ListenError};
use crate::endpoint::BoxFuture;
use crate::maybe_ready::MaybeReady;
use crate::message::{Outcome, Request};

/// Consumes messages for one server.
///
/// Dropping a listener closes it without waiting. Its unacknowledged messages go back to the broker.
pub trait Listener: Send {
    /// Polls for the next message. `None`: the listener has ended for good. The server logs an error and polls again.
    ///
    /// A listener does not decode messages here, because one task polls for all methods of the server: it yields
    /// [`Incoming::Encoded`].
    ///
    /// No message is lost when the caller stops polling: what was not delivered stays in the broker.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Incoming, ListenError>>>;

    /// Stops consuming, and leaves the waiting messages to other servers.
    ///
    /// Messages that were delivered can still be acknowledged and answered. The consumer stops whether or not the future
    /// is awaited.
    fn stop_consuming(&mut self) -> MaybeReady<()>;

    /// Closes the listener, whether or not the future is awaited.
    fn close(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// One message that was delivered and not yet acknowledged.
///
/// A delivery that is dropped before it was acknowledged goes back to the broker.
pub trait Delivery: Send {
    /// Returns the request.
    fn request(&self) -> &Arc<Request>;

    /// Returns whether this message was delivered to some server before.
    fn redelivered(&self) -> bool;

    /// Acknowledges the message.
    ///
    /// # Errors
    ///
    /// Fails when the connection that delivered the message is gone. The broker delivers it again.
    fn ack(&mut self) -> MaybeReady<Result<(), AckError>>;

    /// Gives the message back to the broker, for this or another server.
    fn requeue(self: Box<Self>) {
        drop(self);
    }

    /// Tells the caller that its method is still running. Does nothing for casts.
    ///
    /// # Errors
    ///
    /// Fails when there is no connection to send it over.
    fn still_running(&mut self) -> MaybeReady<Result<(), ReplyError>>;

    /// Sends the final outcome. Called at most once, and not for casts.
    ///
    /// The reply was sent when the future completes. Dropping the future must not block.
    ///
    /// # Errors
    ///
    /// Fails when there is no connection to send it over while the caller waits.
    fn reply(&mut self, outcome: Outcome) -> MaybeReady<Result<(), ReplyError>>;
}

/// The error of an acknowledgement that did not reach the broker.
#[derive(Debug, Clone, thiserror::Error)]
#[error("acknowledgement failed: {0}")]
pub struct AckError(String);

impl AckError {
    /// Creates the error with its reason.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// The error of a reply that could not be sent.
#[derive(Debug, Clone, thiserror::Error)]
#[error("reply failed: {0}")]
pub struct ReplyError(String);

impl ReplyError {
    /// Creates the error with its reason.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}
