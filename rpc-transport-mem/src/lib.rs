//! A message broker inside the process.

mod address;
mod broker;
mod config;
mod delivery;
mod factory;
mod fault_log;
mod faults;
mod faulty;
mod hand_over;
mod listener;
mod message;
mod queue;
mod sender;
mod slots;
mod state;
mod topic;
mod transport;
mod wakes;

pub use self::config::MemBuilder;
pub use self::factory::MemFactory;
pub use self::fault_log::{FaultEvent, FaultLog};
pub use self::faults::{Fault, Faults};
pub use self::transport::MemTransport;
