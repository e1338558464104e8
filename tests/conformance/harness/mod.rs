//! The runner of the conformance cases: each has a broker, a runtime and a thread, and may leave nothing behind.
//!
//! A [`Backend`] says how to get a broker; a [`Case`] gets a [`TestEnv`] on it, and knows no transport by name.

mod backend;
mod case;
mod panics;
pub mod requirements;
mod run;
mod test_env;

pub use self::backend::{Backend, Broker, Clock, LeftBehind};
pub use self::case::{Case, Requirement, cases};
pub use self::run::{CaseResult, run_case, run_trials, trials};
pub use self::test_env::TestEnv;
pub use crate::support::logs::{Event, Logs, Span};
