//! Connections to the broker: made, kept up, and why there is none.

pub(crate) mod broker_error;
pub(crate) mod channel_pool;
pub(crate) mod connect;
pub(crate) mod connect_error;
pub(crate) mod mute_io_log;
pub(crate) mod supervisor;
pub(crate) mod tls;
