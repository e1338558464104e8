//! The options of a server.

use std::time::Duration;

use crate::transport::AckMode;

/// oslo.messaging remembers 16 ids. A larger window costs nothing more.
const DEFAULT_DUPLICATE_WINDOW: usize = 1024;
const DEFAULT_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);

/// How many requests a server runs at the same time.
///
/// ```
/// use rpc_core::server::{Concurrency, ServerBuilder};
///
/// fn in_order(server: ServerBuilder) -> ServerBuilder {
///     server.concurrency(Concurrency::Serial)
/// }
/// ```
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Concurrency {
    /// One at a time, in the order in which they arrive.
    Serial,
    /// At most this many at the same time. At least 1.
    Limit(usize),
}

impl Default for Concurrency {
    /// Returns a limit of 64, as oslo.messaging's `executor_thread_pool_size`.
    fn default() -> Self {
        Self::Limit(64)
    }
}

impl Concurrency {
    pub(super) fn limit(self) -> usize {
        match self {
            Self::Serial => 1,
            Self::Limit(limit) => limit,
        }
    }
}

#[derive(Debug)]
pub(super) struct Options {
    pub(super) concurrency: Concurrency,
    pub(super) ack_mode: AckMode,
    /// How many message ids are remembered to recognise duplicates.
    pub(super) duplicate_window: usize,
    pub(super) shutdown_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            concurrency: Concurrency::default(),
            ack_mode: AckMode::default(),
            duplicate_window: DEFAULT_DUPLICATE_WINDOW,
            shutdown_timeout: DEFAULT_SHUTDOWN_TIMEOUT,
        }
    }
}
