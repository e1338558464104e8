//! What servers do with messages that come back: nothing is lost, and no server begins a message twice.
//!
//! `RPC_REDELIVERY_SEED=x` decides what happens when; a test prints its seed.

#![allow(clippy::unwrap_used, unreachable_pub)]

mod busy_servers;
mod case;
mod consumer_timeout;
mod killed_processes;
mod lost_connections;
mod restarts;
mod service;
