//! The server's side: listeners and their deliveries.

mod delivery;
mod listener;
mod subscription;

pub(crate) use self::listener::MemListener;
