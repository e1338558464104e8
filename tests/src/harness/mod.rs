//! What runs the conformance cases: one broker, one runtime and one thread for each, and a look at what it left behind.
//!
//! A [`Fixture`] says how to get a broker; a [`Case`] gets a [`World`] on it, and knows no transport by name.

mod case;
mod fixture;
mod logs;
pub mod needs;
mod panics;
mod run;
mod world;

pub use self::case::{Case, Need, cases};
pub use self::fixture::{Broker, Clock, Fixture, LeftBehind};
pub use self::logs::{Event, Logs, Span};
pub use self::run::{Ended, conclude, trials, watched};
pub use self::world::World;
