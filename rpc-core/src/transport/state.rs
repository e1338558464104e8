//! The state of a transport's connection.

/// The state of a transport's connection. [`Transport::state`](super::Transport::state) observes it.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectionState {
    /// Not connected. The transport is trying to connect.
    Connecting,
    /// Connected.
    Connected,
    /// Connected, but the broker accepts no messages at the moment.
    Blocked,
    /// Closed for good.
    Closed,
}
