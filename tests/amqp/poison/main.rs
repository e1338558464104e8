//! Hostile messages over RabbitMQ: whatever bytes the broker accepts from a publisher cost at most that message.
//!
//! The messages (`kinds`, `reply_kinds`) are generated from a seed and published by a publisher that shares no code with the
//! product. Well-behaved callers (`neighbours`) call and cast beside them all the time, and must notice nothing.
//!
//! `RPC_FAULT_SEED=x` decides which messages are generated; a test prints its seed.

#![allow(clippy::unwrap_used, unreachable_pub)]

mod broker_view;
mod draft;
mod forged_replies;
mod hostile_env;
mod kinds;
mod neighbours;
mod poison;
mod reply_kinds;
mod reply_loop;
mod too_large_cast;
mod user_id;
