//! One channel: its requests, consumers, confirms and messages. Knows no stream.

pub(crate) mod confirms;
pub(crate) mod consumer;
pub(crate) mod content;
pub(crate) mod message;
pub(crate) mod request;
pub(crate) mod state;
