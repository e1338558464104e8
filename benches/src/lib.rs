//! What the benchmarks share: the payload, and the endpoint that is called.

use rpc_core::{Context, endpoint};
use serde::{Deserialize, Serialize};

/// The text that every call sends.
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
