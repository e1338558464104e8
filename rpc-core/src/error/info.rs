//! Information about a call in its errors.

use std::fmt;
use std::time::Duration;

use crate::message::MessageId;

/// Information about a failed call: method, target, message id and elapsed time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallInfo {
    /// The wire name of the method.
    pub method: String,
    /// The target of the call, formatted like in oslo.messaging.
    pub target: String,
    /// The id of the message. `None` if the call failed before it had one.
    pub message_id: Option<MessageId>,
    /// The time from the first poll of the call to its end.
    pub elapsed: Duration,
}

impl fmt::Display for CallInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` at {}", self.method, self.target)?;
        if let Some(id) = self.message_id {
            write!(f, ", message {id}")?;
        }
        write!(f, ", after {:.1?}", self.elapsed)
    }
}
