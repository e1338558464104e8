//! Errors by which the broker refuses an operation, and what to do about them.

use rpc_amqp::{BrokerError, Error};

/// Returns the reply code of the broker's error; `None` if the error is not the broker's.
pub(crate) fn reply_code(error: &Error) -> Option<u16> {
    error.broker().map(|error| error.code)
}

// What a broker's error says only in its text is recognised by how the text begins: what comes behind holds names that users have
// chosen, and is cut off beyond 255 bytes. `tests/amqp/connection` has each of these texts from real brokers, in `broker_texts.rs`,
// `limits.rs` and `topology.rs`.

const EXCLUSIVE_USE: &str = "ACCESS_REFUSED - queue '";
const TRANSIENT_REFUSED: &str = "INTERNAL_ERROR - Feature `transient_nonexcl_queues`";
const OTHER_PROPERTIES: &str = "PRECONDITION_FAILED - inequivalent arg ";
const LIMITS: [&str; 4] = [
    "PRECONDITION_FAILED - cannot declare queue '",
    "PRECONDITION_FAILED - cannot declare exchange '",
    "NOT_ALLOWED - connection refused",
    "NOT_ALLOWED - number of channels opened ",
];
/// Refused over a limit, or over a permission: the end of the text says so.
const VHOST_REFUSED: &str = "NOT_ALLOWED - access to vhost '";
const VHOST_LIMITS: [&str; 2] = [") is reached", ": connection limit cannot be queried, timeout"];

/// The advice for an operation or connection that is refused over a limit.
pub(super) const LIMIT_ADVICE: &str = "; raise this limit (`rabbitmqctl set_vhost_limits`, `set_user_limits`), or remove what is no longer needed";

/// Returns whether a limit of a virtual host, a user or the broker is reached: of connections, channels, queues or exchanges.
pub(super) fn is_limit(error: &BrokerError) -> bool {
    let text = error.text.as_str();
    match error.code {
        406 | 530 if LIMITS.iter().any(|limit| text.starts_with(limit)) => true,
        530 if text.starts_with(VHOST_REFUSED) => VHOST_LIMITS.iter().any(|it| text.ends_with(it)),
        _ => false,
    }
}

/// Returns whether there is no such virtual host, or the user may not use it.
pub(super) fn is_vhost_refused(error: &BrokerError) -> bool {
    let text = error.text.as_str();
    let refused = text.starts_with("NOT_ALLOWED - vhost ") || text.starts_with(VHOST_REFUSED);
    error.code == 530 && refused && !is_limit(error)
}

/// Returns whether a queue or an exchange exists with other properties than it was declared with.
pub(crate) fn has_other_properties(error: &Error) -> bool {
    error.broker().is_some_and(differs)
}

fn differs(error: &BrokerError) -> bool {
    error.code == 406 && error.text.starts_with(OTHER_PROPERTIES)
}

/// Returns whether the broker refuses queues that are neither durable nor exclusive.
fn is_transient_refused(error: &BrokerError) -> bool {
    error.code == 541 && error.text.starts_with(TRANSIENT_REFUSED)
}

/// Returns whether the operation keeps failing until somebody changes the configuration.
///
/// A queue that another connection holds exclusively, and a fanout exchange that was deleted with another server's queue just
/// now, may be there a moment later. So may a broker that closes the whole connection, unless it refuses the kind of queue.
pub(crate) fn is_permanent(error: &Error) -> bool {
    let Some(broker) = error.broker() else { return matches!(error, Error::InvalidArgument(_)) };
    match broker.code {
        541 => is_transient_refused(broker),
        // A stream whose replica on this node is starting. Nothing else fails so.
        406 if (broker.class, broker.method) == (60, 20) => false,
        _ if broker.closes_connection => false,
        403 => !broker.text.starts_with(EXCLUSIVE_USE),
        404 | 405 => false,
        _ => true,
    }
}

/// Returns the error's text with advice.
pub(crate) fn describe(error: &Error) -> String {
    let advice = error.broker().map_or("", advice);
    format!("{error}{advice}")
}

fn advice(error: &BrokerError) -> &'static str {
    match error.code {
        _ if is_limit(error) => LIMIT_ADVICE,
        _ if differs(error) => {
            "; it is there with other properties: declare it as its other servers do (durable, quorum, stream and its age), or delete it"
        }
        403 if error.text.starts_with(EXCLUSIVE_USE) => {
            "; another consumer has it for itself alone: stop that one, or wait until the broker notices that it is gone"
        }
        403 => "; give the user the permission to configure, write and read there",
        541 if is_transient_refused(error) => {
            "; this broker takes durable or quorum queues only: ask for them in the URL"
        }
        _ => "",
    }
}
