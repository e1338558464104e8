//! The server's half of a transport: a listener, and the messages that it delivers.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::{Incoming, ListenError, QueueKind};
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

    /// Returns whether messages never come back while their [`Delivery`] exists, and never after an acknowledgement that
    /// succeeded.
    ///
    /// Otherwise the server watches each message that it processes, until its
    /// [`PendingAck`](crate::transport::delivery_memory::PendingAck) is confirmed. Default: no.
    fn acks_are_final(&self) -> bool {
        false
    }

    /// Returns how long a message may stay unacknowledged before the broker takes it back. Default: there is no limit.
    ///
    /// With [`AckMode::AfterReply`](super::AckMode::AfterReply) the server warns of methods that run for half of that.
    fn ack_timeout(&self) -> Option<Duration> {
        None
    }

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

    /// Returns the queue that delivered the message.
    fn queue(&self) -> QueueKind;

    /// Returns whether the broker has delivered this message before, to this or another server. It says nothing about
    /// whether the method has begun: messages that only waited come back with the same mark.
    fn redelivered(&self) -> bool;

    /// Returns how often the broker has taken the message back, where it counts that. Default: unknown.
    fn delivery_count(&self) -> Option<u32> {
        None
    }

    /// Acknowledges the message. The acknowledgement is sent whether or not the future is awaited.
    ///
    /// In a [mode that waits for the broker](super::AckMode::waits_for_broker) the future completes when the broker has
    /// processed the acknowledgement.
    ///
    /// # Errors
    ///
    /// Fails when the connection that delivered the message is gone. If the error [says so](AckError::is_in_doubt), the
    /// broker may have processed the acknowledgement before. Otherwise it delivers the message again.
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

/// The error of an acknowledgement that did not reach the broker, or perhaps not.
#[derive(Debug, Clone, thiserror::Error)]
#[error("acknowledgement failed: {reason}")]
pub struct AckError {
    reason: String,
    in_doubt: bool,
}

impl AckError {
    /// Creates the error of an acknowledgement that was not sent, with its reason.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), in_doubt: false }
    }

    /// Creates the error of an acknowledgement that was sent and may have been processed, with its reason.
    #[must_use]
    pub fn in_doubt(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), in_doubt: true }
    }

    /// Returns whether the broker may have processed the acknowledgement. Otherwise it delivers the message again.
    #[must_use]
    pub const fn is_in_doubt(&self) -> bool {
        self.in_doubt
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
