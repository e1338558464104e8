//! Publishes messages and collects their confirms.

pub(crate) mod confirmed_publish;
pub(crate) mod publish_events;
pub(crate) mod publisher;
pub(crate) mod supervisor;
