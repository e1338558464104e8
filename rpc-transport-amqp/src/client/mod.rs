//! The client half: sends requests, consumes the reply queue, and routes replies to their calls.

mod accepted;
mod address;
mod caller;
mod consumer_liveness;
mod destination;
mod partial_replies;
mod reply_consumer;
mod reply_queue;
mod reply_receiver;
mod reply_router;
mod send;
mod server_liveness;

pub(crate) use self::caller::Caller;
