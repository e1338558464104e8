//! What travels back: replies, and what else arrives in a reply queue.

use rpc_amqp::Properties;
use rpc_core::error::Ran;
use rpc_core::pending_calls::CallKey;
use rpc_core::{Bytes, DecodeLimits, MessageId, Outcome, Request};

use super::dialect::dialect_of;
use super::{CallId, Dialect, Outgoing, shortened};

/// Where the reply to a request goes: the caller's reply queue, and which of its calls.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ReplyTo {
    pub(crate) dialect: &'static dyn Dialect,
    pub(crate) queue: Box<str>,
    /// The correlation id, or oslo.messaging's `_msg_id`.
    pub(crate) call_id: Box<str>,
    /// The id of the request.
    pub(crate) message_id: MessageId,
}

/// What a server says of a call whose method runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Acceptance {
    /// The queue at which the server receives cancellations.
    pub(crate) queue: Box<str>,
    /// The id of the request.
    pub(crate) message_id: MessageId,
}

/// A message in a reply queue that cannot be decoded.
#[derive(Debug)]
pub(crate) struct Undecodable {
    pub(crate) reason: String,
    /// Whether the method ran, as far as that could be decoded.
    pub(crate) ran: Ran,
}

impl Undecodable {
    pub(super) fn new(reason: String) -> Self {
        Self { reason, ran: Ran::Unknown }
    }
}

/// What arrived in a reply queue.
#[derive(Debug)]
pub(crate) enum Inbound {
    /// For the pending call with this key; `None`: for no call that this program ever made.
    Reply(Option<CallKey>, Result<Reply, Undecodable>),
    /// For a server: the caller that waits there has given up.
    Cancel(ReplyTo),
}

/// What a reply says.
#[derive(Debug)]
pub(crate) enum Reply {
    /// The call is over, with this outcome.
    Final(Outcome),
    /// The outcome, but the call is not over: servers before oslo.messaging 4.0 end it with a second reply. A later
    /// outcome replaces this one.
    FirstPart(Outcome),
    /// The call is over and this reply has no value: the first part is the outcome, or null where there was none.
    End,
    /// The method still runs.
    StillRunning,
    /// The method runs.
    Accepted(Acceptance),
}

/// Encodes the final reply to a request; `request` is `None` where the request could not be decoded.
pub(crate) fn encode_reply(to: &ReplyTo, request: Option<&Request>, outcome: Outcome) -> Outgoing {
    Outgoing::to_queue(&to.queue, to.dialect.encode_reply(to, request, outcome))
}

/// Encodes the message that tells a monitored call that its method still runs.
pub(crate) fn encode_still_running(to: &ReplyTo) -> Outgoing {
    Outgoing::to_queue(&to.queue, to.dialect.encode_still_running(to))
}

/// Decodes what arrived in a reply queue, in either dialect.
pub(crate) fn decode_inbound(
    properties: &Properties,
    body: Bytes,
    limits: &DecodeLimits,
) -> Inbound {
    match dialect_of(&body).decode_inbound(properties, body, limits) {
        Inbound::Reply(call, Err(mut error)) => {
            error.reason = shortened(error.reason);
            Inbound::Reply(call, Err(error))
        }
        inbound => inbound,
    }
}

/// Returns what a message in a reply queue is whose body was discarded, as it is larger than the limit. In the oslo dialect only the
/// body says which call it belongs to.
pub(crate) fn oversized_reply(properties: &Properties, bytes: u64, limit: usize) -> Inbound {
    let call = properties.correlation_id().and_then(|id| CallId::parse(id.as_str()?));
    let reason = format!("it takes {bytes} bytes, and this client takes at most {limit}");
    Inbound::Reply(call, Err(Undecodable::new(reason)))
}
