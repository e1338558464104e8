//! Fault injection: the plan says which faults are injected, the log which were.

mod fault;
mod log;
mod plan;

pub use self::fault::Fault;
pub use self::log::{FaultEvent, FaultLog};
pub use self::plan::FaultPlan;
