//! The client half: sends requests and routes replies to their calls.

pub(crate) mod accepted;
pub(crate) mod address;
pub(crate) mod consumer_liveness;
pub(crate) mod destination;
pub(crate) mod reply_consumer;
pub(crate) mod reply_router;
pub(crate) mod send;
