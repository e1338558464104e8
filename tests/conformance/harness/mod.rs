//! What runs the conformance cases: one broker, one runtime and one thread for each, and a look at what it left behind.
//!
//! A [`Fixture`] says how to get a broker; a [`Case`] gets a [`World`] on it, and knows no transport by name.

mod backend;
mod case;
mod panics;
pub mod requirements;
mod run;
mod test_env;

pub use self::backend::{Broker, Clock, Fixture, LeftBehind};
pub use self::case::{Case, Need, cases};
pub use self::run::{Ended, conclude, trials, watched};
pub use self::test_env::World;
pub use crate::support::logs::{Event, Logs, Span};
