//! Drives a connection through exact bytes, with a broker that follows a script.
//!
//! The broker reads and writes with `amq-protocol`, so it is independent of the crate's own codec. Both sides run on one thread with
//! a paused clock: nothing depends on how fast the machine is, and whoever waits in vain fails at once.
#![allow(clippy::unwrap_used)]

mod backpressure;
mod broker;
mod channel_close;
mod channel_errors;
mod channel_ids;
mod confirms;
mod connection_close;
mod connection_end;
mod consumers;
mod deliveries;
mod frames;
mod handshake;
mod heartbeats;
mod hostile_messages;
mod late_deliveries;
mod receivers;
mod requests;
mod returns;
mod splitting;
mod tuning;
mod writes;
