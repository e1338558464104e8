//! What every error says about its call.

use std::fmt;
use std::time::Duration;

use crate::message::MessageId;

/// Which call failed: method, target, message id and the time it took.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallInfo {
    /// The method's name on the wire.
    pub method: String,
    /// Where the call went, printed as oslo.messaging prints targets.
    pub target: String,
    /// The id of the message; `None` where the call failed before there was one.
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
