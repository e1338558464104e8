//! What the broker answers where it will not have something, and what to do about it.

use lapin::{Error, ErrorKind};

/// Whether the broker will not have it until somebody mends something. A queue that another connection holds exclusively, or a
/// fanout exchange that went with another server just now, is another matter a moment later.
pub(crate) fn is_lasting(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::ProtocolError(refused) => match refused.get_id() {
            403 => !refused.get_message().as_str().contains("exclusive use"),
            404 | 405 => false,
            _ => true,
        },
        _ => false,
    }
}

/// The error, with advice.
pub(crate) fn explained(error: &Error) -> String {
    let advice = match error.kind() {
        ErrorKind::ProtocolError(refused) => match refused.get_id() {
            406 => {
                "; it is there with other properties: declare it as its other servers do (durable, quorum), or delete it"
            }
            403 => "; give the user the permission to configure, write and read there",
            541 => "; this broker takes durable or quorum queues only: ask for them in the URL",
            _ => "",
        },
        _ => "",
    };
    format!("{error}{advice}")
}
