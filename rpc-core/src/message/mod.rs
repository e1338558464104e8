//! What travels: one [`Request`] to a server, one [`Outcome`] back.
//!
//! A request is made once, put behind an [`Arc`](std::sync::Arc) and from then on only pointed at. Over a transport
//! within the process caller and server hold the same request, which is how a server knows that nobody waits any more,
//! and how a caller that gave up knows whether its method may have begun.

mod failure;
mod failure_kind;
mod id;
mod request_state;

use std::borrow::Cow;
use std::time::Duration;

use tokio::time::Instant;

pub use self::failure::{Failure, Ran};
pub use self::failure_kind::{FailureKind, ParseFailureKindError};
pub(crate) use self::id::IdSource;
pub use self::id::{MessageId, ParseMessageIdError};
pub(crate) use self::request_state::{RequestState, SendState};
use crate::codec::Payload;
use crate::context::ContextEntries;
use crate::trace::TraceContext;
use crate::version::Version;

/// How a request ended at the server: the encoded result, or a failure.
pub type Outcome = Result<Payload, Failure>;

/// One request on its way to a server.
///
/// Transports make requests from bytes ([`Request::new`], then the fields) and read their fields; the client makes
/// all others.
#[derive(Debug)]
#[non_exhaustive]
pub struct Request {
    /// Tells this request from all others; a message that comes twice has the same id twice.
    pub id: MessageId,
    /// `None` is the null namespace, which differs from the empty string (as in oslo.messaging).
    pub namespace: Option<Cow<'static, str>>,
    /// The method's name on the wire.
    pub method: Cow<'static, str>,
    /// The version asked for. A peer that sent none is taken at its word: it means 1.0.
    pub version: Version,
    /// The caller's context entries.
    pub entries: ContextEntries,
    /// W3C trace context, where the caller has one.
    pub trace: Option<Box<TraceContext>>,
    /// The named arguments: an encoded map.
    pub args: Payload,
    /// When the caller stops waiting. `None`: never, which is so for casts unless asked otherwise.
    pub deadline: Option<Instant>,
    /// The caller wants a sign of life at least this often while the method runs.
    pub monitor: Option<Duration>,
    /// Whether anybody waits for an outcome; casts do not.
    pub wants_reply: bool,
    pub(crate) state: RequestState,
}

impl Request {
    /// A cast of `method` with the given id and arguments: no namespace, version 1.0, no context, no deadline.
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

    /// The same request once more, to be sent again: same id, nothing sent, nothing cancelled.
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

    /// Says that the message is about to leave: from here on a server may run it.
    ///
    /// Transports call it right before they hand the message over. What a caller is told about a call that failed
    /// ([`Ran`]) depends on it.
    pub fn mark_sent(&self) {
        self.state.mark_sent();
    }

    /// Says that the caller gave up, and wakes a method that asked to be told
    /// ([`Context::cancelled`](crate::Context::cancelled)).
    pub fn cancel(&self) {
        self.state.cancel();
    }

    /// Whether the caller gave up.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.state.is_cancelled()
    }

    /// Whether a server has begun with it, so that its method may have run. Known where caller and server share the
    /// request.
    #[must_use]
    pub fn has_started(&self) -> bool {
        self.state.is_started()
    }

    /// Whether the deadline has passed. Reads the clock only where there is a deadline.
    #[must_use]
    pub fn is_expired(&self) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= Instant::now())
    }
}
