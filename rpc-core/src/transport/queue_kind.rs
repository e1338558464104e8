//! The queues of a server.

/// Which of a server's queues a message was delivered from.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash)]
pub enum QueueKind {
    /// The topic's queue, which all of its servers share.
    Topic,
    /// The queue of the server's name.
    Server,
    /// The queue for what is sent to all servers of the topic.
    Fanout,
}
