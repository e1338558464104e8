//! The form of messages that Python's oslo.messaging reads and writes: JSON within JSON, everything in the body.
//!
//! Python peers are taken as they are. What they write and stricter readers refuse (numbers beyond 64 bits, NaN) is
//! refused here too, but so that whoever waits for an answer gets one.

mod compression;
mod envelope;
mod failure;
mod id;
mod payload;
mod reply;
mod request;
mod split;
#[cfg(test)]
mod tests;
mod text;
mod their_failure;

pub(crate) use self::failure::About;
pub(crate) use self::reply::{Content, encode_heartbeat, encode_reply, read_reply};
pub(crate) use self::request::{Call, SHORTEST_MONITOR, encode_request, read_request};
