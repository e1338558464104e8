//! The interface between the suite and a transport.

use std::sync::Arc;
use std::time::Duration;

use rpc_core::{BoxFuture, Transport};

/// The clock that a case runs by.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub enum Clock {
    /// Tokio's paused clock, which advances when every task waits: for transports within the process.
    Paused,
    /// Real time.
    Real,
}

/// A transport under test.
pub trait Backend: Send + Sync + 'static {
    /// Returns the name of the transport and its configuration, for the report.
    fn name(&self) -> String;

    /// Returns the clock that the cases run by.
    fn clock(&self) -> Clock;

    /// Returns how long a case may run in real time before it counts as hanging. Default: 30 s.
    fn limit(&self) -> Duration {
        Duration::from_secs(30)
    }

    /// Creates a broker that no other case uses. Called within the case's runtime, once for each case.
    fn broker(&self) -> BoxFuture<'_, Arc<dyn Broker>>;
}

/// One isolated broker.
pub trait Broker: Send + Sync + 'static {
    /// Opens a connection to the broker.
    fn connect(&self) -> BoxFuture<'_, Arc<dyn Transport>>;

    /// Returns how many messages a queue holds before its senders wait; `None` if queues are unbounded.
    fn queue_capacity(&self) -> Option<usize> {
        None
    }

    /// Returns whether arguments and results travel as opaque bytes; false if the transport's own format has to decode
    /// them.
    fn carries_any_bytes(&self) -> bool {
        true
    }

    /// Returns whether the queues of a target are deleted with its last server; false if they wait for the next one.
    fn deletes_unused_queues(&self) -> bool {
        true
    }

    /// Returns whether each exchange has queues of its own; in oslo.messaging's topology, queues of one name are shared.
    fn separates_exchanges(&self) -> bool {
        true
    }

    /// Returns what is on the broker and in its connections now.
    fn left_behind(&self) -> BoxFuture<'_, LeftBehind>;
}

/// What a case must not leave on its broker.
#[derive(Debug, Copy, Clone, Default, PartialEq, Eq)]
pub struct LeftBehind {
    /// Pending calls.
    pub pending_calls: usize,
    /// Messages in queues.
    pub queued: usize,
    /// Messages that were delivered and not acknowledged.
    pub unacknowledged: usize,
}

impl LeftBehind {
    /// Nothing.
    pub const NOTHING: Self = Self { pending_calls: 0, queued: 0, unacknowledged: 0 };
}
