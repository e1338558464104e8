//! What a server consumes from.

use std::sync::Arc;

use super::AckMode;
use crate::transport::delivery_memory::DeliveryMemory;

/// What a server consumes from, and how.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Listen {
    /// The exchange. `None`: the transport's default exchange.
    pub exchange: Option<String>,
    /// The topic, which competing servers share.
    pub topic: String,
    /// The name of this server.
    pub server: String,
    /// How many messages the server runs at the same time. A broker need not push more.
    pub concurrency: usize,
    /// When the server acknowledges. An unacknowledged message may be running with [`AckMode::AfterReply`], and was not
    /// begun with the other modes.
    pub ack_mode: AckMode,
    /// What the server remembers of its messages.
    pub memory: Arc<DeliveryMemory>,
}

impl Listen {
    /// Creates the description of a server that consumes from `topic` as `server`: on the default exchange, one message
    /// at a time, acknowledged before it runs, with a memory of its own.
    #[must_use]
    pub fn new(topic: impl Into<String>, server: impl Into<String>) -> Self {
        Self {
            exchange: None,
            topic: topic.into(),
            server: server.into(),
            concurrency: 1,
            ack_mode: AckMode::default(),
            memory: Arc::new(DeliveryMemory::new(AckMode::default(), 0)),
        }
    }
}

/// The error of a server that could not start to consume: oslo.messaging's `ServerListenError`.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot listen on topic `{topic}` as `{server}`: {reason}")]
pub struct ListenError {
    topic: String,
    server: String,
    reason: String,
}

impl ListenError {
    /// Creates the error for what was to be listened on, with its reason.
    #[must_use]
    pub fn new(listen: &Listen, reason: impl Into<String>) -> Self {
        Self { topic: listen.topic.clone(), server: listen.server.clone(), reason: reason.into() }
    }
}
