//! What the benches share: the payload, and the service that is called.

use rpc_core::{Context, endpoint};
use serde::{Deserialize, Serialize};

/// The text that every echo carries.
pub const TEXT: &str = "the quick brown fox";

/// What an echo returns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Echoed {
    /// The text that was sent.
    pub text: String,
    /// The number that was sent.
    pub number: u64,
}

/// Answers with what it is asked.
#[derive(Debug, Default)]
pub struct Parrot;

#[endpoint(namespace = "bench", version = "1.0")]
impl Parrot {
    /// Says it again.
    pub async fn echo(&self, _ctx: &Context, text: String, number: u64) -> Echoed {
        Echoed { text, number }
    }

    /// Never answers.
    pub async fn hang(&self, _ctx: &Context, text: String, number: u64) -> Echoed {
        let _held = (text, number);
        std::future::pending().await
    }
}
