//! How a server's shutdown went.

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

/// How a server's shutdown went.
///
/// ```
/// use rpc_core::server::ShutdownReport;
///
/// fn exit_code(report: &ShutdownReport) -> u8 {
///     if report.aborted == 0 { 0 } else { 1 }
/// }
/// # assert_eq!(exit_code(&ShutdownReport::default()), 0);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Why the server ended.
    pub cause: ShutdownCause,
    /// How many requests were running when the shutdown began and finished before its timeout. The call of a method that
    /// stopped the server may or may not be among them.
    pub finished: usize,
    /// How many requests were aborted at the timeout. Their callers were told `Interrupted`, or, where requests are
    /// acknowledged after their reply, the requests went back to the broker. A blocking method runs on, and its result is
    /// discarded.
    pub aborted: usize,
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cause = match self.cause {
            ShutdownCause::Stopped => "stopped",
            ShutdownCause::ListenerEnded => "ended by its transport",
        };
        write!(f, "{cause}; finished while draining: {}, aborted: {}", self.finished, self.aborted)
    }
}
