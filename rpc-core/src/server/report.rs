//! What became of a server.

use std::fmt;

/// Why a server ended.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ShutdownCause {
    /// Somebody stopped it.
    #[default]
    Stopped,
    /// Its listener ended: the transport was closed.
    ListenerEnded,
}

/// How a server's drain went.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Why the server ended.
    pub cause: ShutdownCause,
    /// How many messages were running when the drain began and finished within its limit. The call of a method that
    /// stopped the server may be among them or not.
    pub finished: usize,
    /// How many were cut off at the limit. Their callers were told `Interrupted`, or, where messages are acknowledged after
    /// their reply, the messages went back to the broker. A blocking method goes on without anybody to answer.
    pub aborted: usize,
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.cause {
            ShutdownCause::Stopped => "stopped",
            ShutdownCause::ListenerEnded => "ended by its transport",
        };
        write!(f, "{why}; finished while draining: {}, cut off: {}", self.finished, self.aborted)
    }
}
