//! What a transport provides to be tested.

use std::sync::Arc;
use std::time::Duration;

use rpc_core::{BoxFuture, Transport};

/// How time passes for a case.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub enum Clock {
    /// Only when nothing else is left to do: for transports that stay within the process.
    Paused,
    /// As it does.
    Real,
}

/// A transport under test.
pub trait Fixture: Send + Sync + 'static {
    /// Names the transport and how it is set up, in the report.
    fn name(&self) -> String;

    /// Which clock the cases run by.
    fn clock(&self) -> Clock;

    /// After how much real time a case counts as hanging. Default: 30 s.
    fn limit(&self) -> Duration {
        Duration::from_secs(30)
    }

    /// A broker that nobody else uses. Called within the case's runtime, once for each case.
    fn broker(&self) -> BoxFuture<'_, Arc<dyn Broker>>;
}

/// One isolated broker.
pub trait Broker: Send + Sync + 'static {
    /// A connection of its own.
    fn connect(&self) -> BoxFuture<'_, Arc<dyn Transport>>;

    /// How many messages a queue holds before its senders wait; `None` where nothing bounds it.
    fn queue_capacity(&self) -> Option<usize> {
        None
    }

    /// Whether arguments and results travel as the bytes they are; false where the transport's own format has to read
    /// them.
    fn carries_any_bytes(&self) -> bool {
        true
    }

    /// Whether the queues of a target go with its last server; false where they wait for the next one.
    fn forgets_deserted_targets(&self) -> bool {
        true
    }

    /// Whether each exchange has queues of its own; in oslo.messaging's topology those of one name are shared.
    fn separates_exchanges(&self) -> bool {
        true
    }

    /// What is on the broker, and in its connections, now.
    fn left_behind(&self) -> BoxFuture<'_, LeftBehind>;
}

/// What a case must not leave on its broker.
#[derive(Debug, Copy, Clone, Default, PartialEq, Eq)]
pub struct LeftBehind {
    /// Calls that still wait.
    pub pending_calls: usize,
    /// Messages in queues.
    pub queued: usize,
    /// Messages taken and not acknowledged.
    pub unacknowledged: usize,
}

impl LeftBehind {
    /// Nothing.
    pub const NOTHING: Self = Self { pending_calls: 0, queued: 0, unacknowledged: 0 };
}
