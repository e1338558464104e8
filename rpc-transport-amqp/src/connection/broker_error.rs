//! Errors by which the broker refuses an operation, and what to do about them.

use lapin::{Error, ErrorKind};

/// Returns the reply code of the broker's error; `None` if the error is not the broker's.
pub(crate) fn reply_code(error: &Error) -> Option<u16> {
    match error.kind() {
        ErrorKind::ProtocolError(error) => Some(error.get_id()),
        _ => None,
    }
}

/// Returns whether the operation keeps failing until somebody changes the configuration.
///
/// A queue that another connection holds exclusively, and a fanout exchange that was deleted with another server's queue just
/// now, may be there a moment later.
pub(crate) fn is_permanent(error: &Error) -> bool {
    match reply_code(error) {
        Some(403) => !error.to_string().contains("exclusive use"),
        Some(404 | 405) | None => false,
        Some(_) => true,
    }
}

/// Returns the error's text with advice.
pub(crate) fn describe(error: &Error) -> String {
    let advice = match reply_code(error) {
        Some(406) => {
            "; it is there with other properties: declare it as its other servers do (durable, quorum), or delete it"
        }
        Some(403) => "; give the user the permission to configure, write and read there",
        Some(541) => "; this broker takes durable or quorum queues only: ask for them in the URL",
        _ => "",
    };
    format!("{error}{advice}")
}
