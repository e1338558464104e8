//! The `type` property of native messages.

use lapin::BasicProperties;

use crate::wire::properties::text;

/// All types begin with it.
const PREFIX: &str = "rpc.";

pub(super) const CALL: &str = "rpc.call";
pub(super) const CAST: &str = "rpc.cast";
pub(super) const RESULT: &str = "rpc.result";
pub(super) const FAILURE: &str = "rpc.failure";
/// The method of a monitored call still runs.
pub(super) const RUNNING: &str = "rpc.running";
/// The method runs, and its server receives cancellations in the queue that `reply-to` names.
pub(super) const ACCEPTED: &str = "rpc.accepted";
/// The caller has given up.
pub(super) const CANCEL: &str = "rpc.cancel";

/// Returns the type of a message; empty where it has none.
pub(super) fn of(properties: &BasicProperties) -> &str {
    text(properties.kind())
}

/// Returns whether a message is of the native dialect.
pub(crate) fn is_native(properties: &BasicProperties) -> bool {
    of(properties).starts_with(PREFIX)
}

/// Returns whether a message is a native call.
pub(crate) fn is_call(properties: &BasicProperties) -> bool {
    of(properties) == CALL
}

/// Returns whether a message is of no use later, so that it is not sent again if it could not be delivered.
pub(crate) fn is_notice(properties: &BasicProperties) -> bool {
    matches!(of(properties), RUNNING | ACCEPTED | CANCEL)
}
