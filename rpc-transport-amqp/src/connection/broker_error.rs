//! Errors by which the broker refuses an operation, and what to do about them.

use rpc_amqp::{BrokerError, Error};

/// Returns the reply code of the broker's error; `None` if the error is not the broker's.
pub(crate) fn reply_code(error: &Error) -> Option<u16> {
    error.broker().map(|error| error.code)
}

/// Returns whether the operation keeps failing until somebody changes the configuration.
///
/// A queue that another connection holds exclusively, and a fanout exchange that was deleted with another server's queue just
/// now, may be there a moment later. So may a broker that closes the whole connection, unless it refuses the kind of queue.
pub(crate) fn is_permanent(error: &Error) -> bool {
    let Some(broker) = error.broker() else { return matches!(error, Error::InvalidArgument(_)) };
    match broker.code {
        541 => true,
        _ if broker.closes_connection => false,
        403 => !broker.text.contains("exclusive use"),
        404 | 405 => false,
        _ => true,
    }
}

/// Returns the error's text with advice.
pub(crate) fn describe(error: &Error) -> String {
    let advice = match error.broker() {
        Some(error) if error.code == 406 && is_declaration(error) => {
            "; it is there with other properties: declare it as its other servers do (durable, quorum), or delete it"
        }
        Some(BrokerError { code: 403, .. }) => {
            "; give the user the permission to configure, write and read there"
        }
        Some(BrokerError { code: 541, .. }) => {
            "; this broker takes durable or quorum queues only: ask for them in the URL"
        }
        _ => "",
    };
    format!("{error}{advice}")
}

/// Returns whether the error is about `exchange.declare` or `queue.declare`.
fn is_declaration(error: &BrokerError) -> bool {
    matches!((error.class, error.method), (40 | 50, 10))
}
