//! The server's side: listeners and their deliveries.

pub(crate) mod delivery;
pub(crate) mod listener;
