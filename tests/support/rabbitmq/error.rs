//! The error of a node.

use std::fmt;
use std::io;

/// An operation on a node that failed, and the reason.
#[derive(Clone, thiserror::Error)]
#[error("{0}")]
pub struct NodeError(pub(super) String);

impl NodeError {
    /// Creates an error that says that `what` failed because of `error`.
    pub(super) fn of(what: &str, error: impl fmt::Display) -> Self {
        Self(format!("cannot {what}: {error}"))
    }
}

impl From<io::Error> for NodeError {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

/// Formats the error as `Display` does, so that `unwrap` shows the lines of a log as lines.
impl fmt::Debug for NodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
