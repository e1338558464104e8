//! The server half: consumes requests, and publishes the replies to them.

mod acks;
mod cancellation;
mod consume_loop;
mod consumers;
mod delivery;
mod failover;
mod fanout_stream;
mod listener;
mod prefetch;
mod redistribution;
mod reply_retry;
mod reply_sender;
mod request_decoder;
mod serving;
mod start_log;

pub(crate) use self::cancellation::CancelQueue;
pub(crate) use self::serving::Serving;
