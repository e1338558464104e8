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
///
/// In each mode a server never begins a message twice that it has begun before. The modes differ in what happens when a
/// connection or a process ends at a bad moment, and other servers may receive the message:
///
/// | mode | lost | run twice |
/// |---|---|---|
/// | [`Confirmed`](Self::Confirmed) | what ran when its process was killed | what was in doubt when its connection was lost |
/// | [`AtMostOnce`](Self::AtMostOnce) | the same, and what was in doubt | never, on classic queues |
/// | [`BeforeInvoke`](Self::BeforeInvoke) | what ran when its process was killed | what was acknowledged just before |
/// | [`AfterReply`](Self::AfterReply) | nothing | what ran when its process or connection ended |
///
/// A message is *in doubt* when its connection ended between the acknowledgement and the broker's sign that it has
/// processed it.
///
/// RabbitMQ limits how long a message may stay unacknowledged (`consumer_timeout`, 30 minutes by default). With
/// `AfterReply` a method that takes longer loses its message to another server, or, up to RabbitMQ 4.2, all unacknowledged
/// messages of its server. The log has a warning after half of that time. In the other modes only messages that wait for a
/// permit can be meant; they come back, and run.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum AckMode {
    /// Before the method is invoked, without waiting for the broker, as in oslo.messaging.
    BeforeInvoke,
    /// Before the method is invoked, which waits until the broker has processed the acknowledgement. A message in doubt
    /// runs: it is never lost, and perhaps another server runs it, too.
    #[default]
    Confirmed,
    /// As [`Confirmed`](Self::Confirmed), but a message in doubt does not run: it never runs twice, and is perhaps lost.
    AtMostOnce,
    /// After the reply was sent. Use it for methods that may run twice.
    AfterReply,
}

impl AckMode {
    /// Returns whether a method is invoked only when the broker has processed the acknowledgement.
    #[must_use]
    pub const fn waits_for_broker(self) -> bool {
        matches!(self, Self::Confirmed | Self::AtMostOnce)
    }

    /// Returns whether messages are acknowledged before their method is invoked.
    #[must_use]
    pub const fn is_before_invoke(self) -> bool {
        !matches!(self, Self::AfterReply)
    }
}
