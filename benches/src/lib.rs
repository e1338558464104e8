//! What the benchmarks share: the endpoint that is called, rounds that take turns, and tables of their results.

mod clock;
mod rounds;
mod table;

use rpc_core::{Context, endpoint};
use serde::{Deserialize, Serialize};

pub use self::clock::{thread_time, wall_time};
pub use self::rounds::{quartiles, ratios, take_turns};
pub use self::table::{Bound, Report, Table};

/// The text that every call sends, unless a table is about the size of payloads.
pub const TEXT: &str = "the quick brown fox";

/// What an echo returns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Echoed {
    /// The text that was sent.
    pub text: String,
    /// The number that was sent.
    pub number: u64,
}

/// Returns its arguments.
#[derive(Debug, Default)]
pub struct Echo;

#[endpoint(namespace = "bench", version = "1.0")]
impl Echo {
    /// Returns the arguments.
    pub async fn echo(&self, _ctx: &Context, text: String, number: u64) -> Echoed {
        Echoed { text, number }
    }

    /// Never returns.
    pub async fn hang(&self, _ctx: &Context, text: String, number: u64) -> Echoed {
        let _held = (text, number);
        std::future::pending().await
    }
}
