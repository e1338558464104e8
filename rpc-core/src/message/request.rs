//! A request on its way to a server.
//!
//! A request is created once, put into an [`Arc`](std::sync::Arc) and then shared. Over an
//! in-process transport, caller and server hold the same request. The server learns from it that
//! the call was cancelled, and the caller learns from it whether a method of a cancelled call may
//! have started.

use std::borrow::Cow;
use std::time::Duration;

use tokio::time::Instant;

use super::{MessageId, RequestState};
use crate::codec::Payload;
use crate::context_entries::ContextEntries;
use crate::trace::TraceContext;
use crate::version::Version;

/// A request on its way to a server.
///
/// The client creates requests. A transport creates one from received bytes: it calls
/// [`Request::new`] and sets the fields.
///
/// ```
/// use rpc_core::{Codec, MessageId, Payload, Request};
///
/// let args = Payload::new(Codec::Json, b"{}".to_vec());
/// let mut request = Request::new(MessageId::from_bits(1), "ping", args);
/// request.wants_reply = true;
/// assert!(!request.is_cancelled());
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Request {
    /// The id of the message. A message that is delivered twice has the same id both times.
    pub id: MessageId,
    /// The namespace. `None` is the null namespace, which differs from the empty string.
    pub namespace: Option<Cow<'static, str>>,
    /// The wire name of the method.
    pub method: Cow<'static, str>,
    /// The requested version. A request without a version is for 1.0.
    pub version: Version,
    /// The entries of the caller's context.
    pub entries: ContextEntries,
    /// The W3C trace context, if the caller has one.
    pub trace: Option<Box<TraceContext>>,
    /// The arguments: an encoded map from names to values.
    pub args: Payload,
    /// The time at which the caller stops waiting. `None` means never, the default for casts.
    pub deadline: Option<Instant>,
    /// The period of the call monitor: the server reports at least this often that the method is
    /// still running.
    pub monitor: Option<Duration>,
    /// Whether the caller waits for a reply: true for calls, false for casts.
    pub wants_reply: bool,
    pub(crate) state: RequestState,
}

impl Request {
    /// Creates a cast of `method` with the null namespace, version 1.0, an empty context and no
    /// deadline.
    #[must_use]
    pub fn new(id: MessageId, method: impl Into<Cow<'static, str>>, args: Payload) -> Self {
        Self {
            id,
            namespace: None,
            method: method.into(),
            version: Version::V1_0,
            entries: ContextEntries::default(),
            trace: None,
            args,
            deadline: None,
            monitor: None,
            wants_reply: false,
            state: RequestState::default(),
        }
    }

    /// Creates a copy to send again: with the same id, not yet sent and not cancelled.
    pub(crate) fn again(&self) -> Self {
        Self {
            id: self.id,
            namespace: self.namespace.clone(),
            method: self.method.clone(),
            version: self.version,
            entries: self.entries.clone(),
            trace: self.trace.clone(),
            args: self.args.clone(),
            deadline: self.deadline,
            monitor: self.monitor,
            wants_reply: self.wants_reply,
            state: RequestState::default(),
        }
    }

    /// Marks the request as sent: from now on a server may execute it.
    ///
    /// A transport must call this right before it publishes the message. If the call fails, its
    /// [`Ran`](crate::error::Ran) depends on it.
    pub fn mark_sent(&self) {
        self.state.mark_sent();
    }

    /// Cancels the request, and wakes methods that wait for
    /// [`Context::cancelled`](crate::Context::cancelled).
    pub fn cancel(&self) {
        self.state.cancel();
    }

    /// Returns whether the request was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.state.is_cancelled()
    }

    /// Returns whether a server has started to process the request, so that its method may have
    /// run.
    ///
    /// This is known only if caller and server share the request, as over an in-process transport.
    #[must_use]
    pub fn has_started(&self) -> bool {
        self.state.is_started()
    }

    /// Returns whether the deadline has passed.
    ///
    /// Reads the clock only if there is a deadline.
    #[must_use]
    pub fn is_expired(&self) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= Instant::now())
    }
}
