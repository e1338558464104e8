//! The state of a transport's connection.

/// What a transport's connection is up to.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectionState {
    /// Not connected; trying to be.
    Connecting,
    /// Messages flow.
    Connected,
    /// Connected, but the broker takes no messages for now.
    Blocked,
    /// Closed for good.
    Closed,
}
