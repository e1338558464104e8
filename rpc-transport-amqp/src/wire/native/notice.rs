//! Messages without a body: what they say is their type, the call that they are about, and the queue of their sender.

use lapin::BasicProperties;
use rpc_core::Bytes;
use rpc_core::pending_calls::CallKey;

use super::message_type;
use crate::wire::properties::transient;
use crate::wire::{CallId, Message, NATIVE, Outgoing, ReplyTo};

/// Encodes the message that tells a monitored call that its method still runs.
pub(super) fn encode_running(to: &ReplyTo) -> Message {
    (addressed(to, message_type::RUNNING), Bytes::new())
}

/// Encodes the message that tells a caller that its method runs, and in which queue the server receives cancellations.
/// Native dialect only.
pub(crate) fn encode_accepted(to: &ReplyTo, queue: &str) -> Outgoing {
    notice(to, message_type::ACCEPTED, queue)
}

/// Encodes the message that tells the server that accepted a call that its caller has given up. `queue` is the caller's
/// reply queue, by which the server knows the call. Native dialect only.
pub(crate) fn encode_cancel(server_queue: &str, key: CallKey, queue: &str) -> Outgoing {
    let call_id = CallId::of(key).to_string().into();
    let to = ReplyTo { dialect: NATIVE, queue: server_queue.into(), call_id };
    notice(&to, message_type::CANCEL, queue)
}

fn notice(to: &ReplyTo, message_type: &str, sender: &str) -> Outgoing {
    let properties = addressed(to, message_type).with_reply_to(sender.into());
    Outgoing::to_queue(&to.queue, (properties, Bytes::new()))
}

/// Returns the properties of a message about a call.
pub(super) fn addressed(to: &ReplyTo, message_type: &str) -> BasicProperties {
    transient().with_type(message_type.into()).with_correlation_id((&*to.call_id).into())
}
