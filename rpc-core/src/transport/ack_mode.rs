//! When a server acknowledges.

/// When a server acknowledges a message.
///
/// ```
/// use rpc_core::server::{AckMode, ServerBuilder};
///
/// fn at_least_once(server: ServerBuilder) -> ServerBuilder {
///     server.ack_mode(AckMode::AfterReply)
/// }
/// ```
#[derive(Debug, Copy, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum AckMode {
    /// Before the method is invoked: a method runs at most once. When a server dies, its running calls are lost.
    ///
    /// The default, as in oslo.messaging.
    #[default]
    BeforeInvoke,
    /// After the reply was sent: a method runs at least once. Use it for methods that may run twice.
    AfterReply,
}
