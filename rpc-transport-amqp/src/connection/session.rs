//! One connection that was made, until it ends.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lapin::Connection;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How many channels a connection may lose before it is replaced: half of what RabbitMQ grants.
const MAX_LEAKED_CHANNELS: usize = 1000;

/// A connection between its handshake and its end.
///
/// Nothing of a session survives it. Whoever needs channels makes them anew on the next session, so that nothing of an old
/// connection can be mistaken for the new one's.
pub(crate) struct Session {
    pub(crate) connection: Connection,
    blocked: watch::Sender<bool>,
    ended: CancellationToken,
    leaked_channels: AtomicUsize,
}

impl Session {
    pub(super) fn new(connection: Connection) -> Self {
        Self {
            connection,
            blocked: watch::Sender::new(false),
            ended: CancellationToken::new(),
            leaked_channels: AtomicUsize::new(0),
        }
    }

    /// Notes that the broker has blocked or unblocked the connection.
    pub(super) fn set_blocked(&self, blocked: bool) {
        self.blocked.send_replace(blocked);
    }

    /// Returns whether the broker has blocked the connection: it reads no messages from it.
    pub(crate) fn is_blocked(&self) -> bool {
        *self.blocked.borrow()
    }

    /// Returns a receiver that sees the broker block and unblock the connection.
    pub(crate) fn blocked(&self) -> watch::Receiver<bool> {
        self.blocked.subscribe()
    }

    /// Returns whether the connection is gone.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.is_cancelled()
    }

    /// Waits until the connection is gone.
    ///
    /// Cancel safe: nothing is consumed by waiting.
    pub(crate) async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Notes the error of an operation on one of the channels, and ends the session when it has lost too many of them.
    ///
    /// The client library never reuses the id of a channel that the broker has closed over an error. Ids are limited, so a
    /// connection that lives long enough could open no channel at last.
    pub(crate) fn note_error(&self, error: &lapin::Error) {
        let leaks = error.is_amqp_soft_error();
        if leaks && self.leaked_channels.fetch_add(1, Ordering::Relaxed) + 1 >= MAX_LEAKED_CHANNELS
        {
            self.end();
        }
    }

    /// Returns how many channels the connection has lost.
    pub(crate) fn leaked_channels(&self) -> usize {
        self.leaked_channels.load(Ordering::Relaxed)
    }

    /// Sleeps for `time`, or until the session ends.
    pub(crate) async fn sleep(&self, time: Duration) {
        let _ = timeout(time, self.ended()).await;
    }

    /// Gives the connection up.
    pub(crate) fn end(&self) {
        self.ended.cancel();
    }
}
