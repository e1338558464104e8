//! Messages that say no more than their kind, the call that they are about, and the queue of their sender.

use rpc_amqp::PropertiesBuilder;
use rpc_core::pending_calls::CallKey;

use super::kind::Kind;
use super::prefix::bare_head;
use crate::wire::properties::{build, transient};
use crate::wire::{Acceptance, CallId, Message, NATIVE, Outgoing, ReplyTo};

/// Encodes the message that tells a monitored call that its method still runs.
pub(super) fn encode_running(to: &ReplyTo) -> Message {
    (build(&addressed(to)), bare_head(Kind::Running, to.message_id).into())
}

/// Encodes the message that tells a caller that its method runs, and in which queue the server receives cancellations.
/// Native dialect only.
pub(crate) fn encode_accepted(to: &ReplyTo, queue: &str) -> Outgoing {
    notice(to, Kind::Accepted, queue)
}

/// Encodes the message that tells the server that accepted a call that its caller has given up. `queue` is the caller's
/// reply queue, by which the server knows the call. Native dialect only.
pub(crate) fn encode_cancel(accepted: &Acceptance, key: CallKey, queue: &str) -> Outgoing {
    let to = ReplyTo {
        dialect: NATIVE,
        queue: accepted.queue.clone(),
        call_id: CallId::of(key).to_string().into(),
        message_id: accepted.message_id,
    };
    notice(&to, Kind::Cancel, queue)
}

fn notice(to: &ReplyTo, kind: Kind, sender: &str) -> Outgoing {
    let properties = build(&addressed(to).reply_to(sender));
    Outgoing::to_queue(&to.queue, (properties, bare_head(kind, to.message_id).into()))
}

/// Returns the properties of a message about a call.
pub(super) fn addressed(to: &ReplyTo) -> PropertiesBuilder<'_> {
    transient().correlation_id(&*to.call_id)
}
