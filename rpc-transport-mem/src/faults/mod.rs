//! Fault injection: which faults happen, and which have happened.

mod log;
mod plan;

pub use self::log::{FaultEvent, FaultLog};
pub use self::plan::{Fault, Faults};
