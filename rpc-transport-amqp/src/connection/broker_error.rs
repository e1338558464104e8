//! What the broker answers where it will not have something, and what to do about it.

use lapin::{Error, ErrorKind};

/// The code of the broker's answer; `None`: it did not answer.
pub(crate) fn reply_code(error: &Error) -> Option<u16> {
    match error.kind() {
        ErrorKind::ProtocolError(refused) => Some(refused.get_id()),
        _ => None,
    }
}

/// Whether the broker will not have it until somebody mends something. A queue that another connection holds exclusively, or a
/// fanout exchange that went with another server just now, is another matter a moment later.
pub(crate) fn is_lasting(error: &Error) -> bool {
    match reply_code(error) {
        Some(403) => !error.to_string().contains("exclusive use"),
        Some(404 | 405) | None => false,
        Some(_) => true,
    }
}

/// The error, with advice.
pub(crate) fn explained(error: &Error) -> String {
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
