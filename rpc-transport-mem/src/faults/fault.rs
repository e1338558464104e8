/// A fault that can be injected for a message.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Fault {
    /// The broker [restarts](crate::MemTransport::restart) right before it receives the message.
    Restart,
    /// The message is lost on its way to the queue. Its sender is told that it was sent, and a call times out.
    DropRequest,
    /// The message is enqueued twice with the same id, neither marked as redelivered, as when a publisher retries after
    /// a lost connection.
    Duplicate,
    /// The message is enqueued late, by tokio's clock, and later messages overtake it. A sender that is dropped before
    /// that has not sent the message.
    Delay,
    /// The message is inserted at a random position of its queue instead of the tail.
    Reorder,
    /// The listener crashes when the message is delivered to it: it ends, and none of its deliveries can be
    /// acknowledged any more. The message is requeued, marked as redelivered.
    CrashListener,
    /// The acknowledgement fails. The message is requeued, marked as redelivered, when its delivery is dropped.
    FailAck,
    /// The reply is lost, and the server gets an error. The call times out.
    FailReply,
    /// The reply is lost without an error. The call times out.
    DropReply,
}

impl Fault {
    /// Every fault.
    pub const ALL: &'static [Self] = &[
        Self::Restart,
        Self::DropRequest,
        Self::Duplicate,
        Self::Delay,
        Self::Reorder,
        Self::CrashListener,
        Self::FailAck,
        Self::FailReply,
        Self::DropReply,
    ];
}
