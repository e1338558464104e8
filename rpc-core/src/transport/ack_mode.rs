//! When a server acknowledges.

/// When a message is acknowledged.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum AckMode {
    /// Before its method is invoked: a method runs at most once. A server that dies takes its running calls with it.
    /// The default, as in oslo.messaging.
    #[default]
    BeforeInvoke,
    /// After its reply was sent: a method runs at least once. For methods that may run twice.
    AfterReply,
}
