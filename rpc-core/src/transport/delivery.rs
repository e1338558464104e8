//! The server's side of the seam.

use std::sync::Arc;
use std::task::{Context, Poll};

use super::ListenError;
use crate::endpoint::BoxFuture;
use crate::maybe_ready::MaybeReady;
use crate::message::{Outcome, Request};

/// Takes messages for one server.
///
/// Dropping a listener closes it without waiting; what it held unacknowledged goes back to the broker.
pub trait Listener: Send {
    /// The next message. `None`: the listener has ended for good. An error is logged by the server, which asks again.
    ///
    /// No message is lost when the caller stops polling: what it was not given stays in the broker.
    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Box<dyn Delivery>, ListenError>>>;

    /// Takes no further messages, and lets other servers have what waits. Deliveries under way can still be
    /// acknowledged and answered. It is done whether or not the future is waited for.
    fn stop_consuming(&mut self) -> MaybeReady<()>;

    /// Ends the listener, whether or not the future is waited for.
    fn close(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// One message, not yet acknowledged.
///
/// A delivery that is dropped before it was acknowledged goes back to the broker.
pub trait Delivery: Send {
    /// The request.
    fn request(&self) -> &Arc<Request>;

    /// Whether this message has been delivered to some server before.
    fn redelivered(&self) -> bool;

    /// Tells the broker that the message has been taken.
    ///
    /// # Errors
    ///
    /// The connection by which the message came is gone: the broker delivers it again.
    fn ack(&mut self) -> MaybeReady<Result<(), AckError>>;

    /// Gives the message back to the broker, for this or another server.
    fn requeue(self: Box<Self>) {
        drop(self);
    }

    /// Tells the caller that the server is still at work. Does nothing for casts.
    ///
    /// # Errors
    ///
    /// There was no connection to send it over.
    fn still_running(&mut self) -> MaybeReady<Result<(), ReplyError>>;

    /// Sends the final outcome. Called at most once, and not for casts. The answer is on its way when the future is
    /// done; dropping the future must not block.
    ///
    /// # Errors
    ///
    /// There was no connection to send it over while the caller waited.
    fn reply(&mut self, outcome: Outcome) -> MaybeReady<Result<(), ReplyError>>;
}

/// The broker did not take an acknowledgement.
#[derive(Debug, Clone, thiserror::Error)]
#[error("acknowledgement failed: {0}")]
pub struct AckError(String);

impl AckError {
    /// The error with its reason.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// An answer could not be sent.
#[derive(Debug, Clone, thiserror::Error)]
#[error("reply failed: {0}")]
pub struct ReplyError(String);

impl ReplyError {
    /// The error with its reason.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}
