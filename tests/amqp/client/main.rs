//! The AMQP connection `rpc-amqp` with a real broker: logins and limits, channels, confirms, bodies, connections that are
//! blocked or lost, hostile messages, many connections, and chaos.
//!
//! `RPC_FAULT_SEED=x` decides what happens in the tests that print a seed. `RPC_CHAOS_SECONDS=n` runs the chaos for n seconds.

#![allow(clippy::unwrap_used, unreachable_pub)]

mod blocked;
mod bodies;
mod broker;
mod channels;
mod chaos;
mod confirms;
mod consumers;
mod handshake;
mod lost;
mod many_connections;
mod messages;
mod outcomes;
mod poison;
