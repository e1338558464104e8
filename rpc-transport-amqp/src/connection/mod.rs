//! Connections to the broker: how they are made, kept up and used, and why one cannot be had.
//!
//! Knows the AMQP connection and the configuration, nothing of messages.

pub(crate) mod broker_error;
pub(crate) mod channel_pool;
mod connect;
mod connect_error;
mod session;
pub(crate) mod state;
mod supervisor;
mod tls;

pub(crate) use self::session::Session;
pub(crate) use self::supervisor::{ConnectionSupervisor, Unavailable};
