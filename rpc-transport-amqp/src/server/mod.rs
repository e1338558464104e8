//! The server half: consumes requests and sends replies.

pub(crate) mod ack_batch;
pub(crate) mod cancellation;
pub(crate) mod consume_loop;
pub(crate) mod consumers;
pub(crate) mod delivery;
pub(crate) mod listener;
pub(crate) mod prefetch;
pub(crate) mod redistribution;
pub(crate) mod reply_retry;
