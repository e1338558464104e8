//! What goes wrong with a node.

use std::fmt;
use std::io;

/// What could not be done with a node, and why.
#[derive(Clone, thiserror::Error)]
#[error("{0}")]
pub struct NodeError(pub(super) String);

impl NodeError {
    /// `what` failed because of `error`.
    pub(super) fn of(what: &str, error: impl fmt::Display) -> Self {
        Self(format!("cannot {what}: {error}"))
    }
}

impl From<io::Error> for NodeError {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

/// As it is displayed: the end of a log is several lines, which a test shows by `unwrap`.
impl fmt::Debug for NodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
