//! One connection that was made, until it ends.

use std::sync::Arc;
use std::time::Duration;

use rpc_amqp::Connection;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// A connection between its handshake and its end.
///
/// Nothing of a session survives it. Whoever needs channels makes them anew on the next session, so that nothing of an old
/// connection can be mistaken for the new one's.
pub(crate) struct Session {
    pub(crate) connection: Connection,
    /// Host and port.
    pub(crate) address: Arc<str>,
    given_up: CancellationToken,
}

impl Session {
    pub(super) fn new(connection: Connection, address: Arc<str>) -> Self {
        Self { connection, address, given_up: CancellationToken::new() }
    }

    /// Returns whether the broker has blocked the connection: it reads no messages from it.
    pub(crate) fn is_blocked(&self) -> bool {
        self.connection.is_blocked()
    }

    /// Returns a receiver that sees the broker block the connection, with its reason, and unblock it.
    pub(crate) fn blocked(&self) -> watch::Receiver<Option<Arc<str>>> {
        self.connection.blocked()
    }

    /// Returns whether the connection is gone.
    pub(crate) fn has_ended(&self) -> bool {
        self.given_up.is_cancelled() || !self.connection.is_open()
    }

    /// Waits until the connection is gone.
    ///
    /// Cancel safe: nothing is consumed by waiting.
    pub(crate) async fn ended(&self) {
        tokio::select! {
            () = self.given_up.cancelled() => {}
            _ = self.connection.closed() => {}
        }
    }

    /// Waits until the connection was given up.
    pub(super) async fn given_up(&self) {
        self.given_up.cancelled().await;
    }

    /// Sleeps for `time`, or until the session ends.
    pub(crate) async fn sleep(&self, time: Duration) {
        let _ = timeout(time, self.ended()).await;
    }

    /// Gives the connection up.
    pub(crate) fn end(&self) {
        self.given_up.cancel();
    }
}
