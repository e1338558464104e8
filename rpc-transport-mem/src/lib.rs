//! A message broker inside the process.

mod address;
mod broker;
mod config;
mod delivery;
mod factory;
mod hand_over;
mod listener;
mod message;
mod queue;
mod slots;
mod state;
mod topic;
mod transport;
mod wakes;

pub use self::config::MemBuilder;
pub use self::factory::MemFactory;
pub use self::transport::MemTransport;
