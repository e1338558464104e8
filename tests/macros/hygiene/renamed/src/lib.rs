//! A crate in which `rpc_core` has another name, and which says so with `crate = …`.

#![deny(missing_docs, warnings)]

use messaging::{Context, RpcError, endpoint};
use serde::{Deserialize, Serialize};

/// A path of the crate's own to the runtime.
pub mod vendored {
    pub use messaging as rpc;
}

/// Says no.
#[derive(Debug, thiserror::Error, Serialize, Deserialize, RpcError)]
#[rpc_error(crate = ::messaging)]
#[error("refused")]
pub struct Refused;

/// An endpoint that names the dependency.
#[derive(Debug)]
pub struct Ledger;

#[endpoint(namespace = "bank", crate = ::messaging)]
impl Ledger {
    /// Fails as expected.
    ///
    /// # Errors
    ///
    /// Returns `Refused`.
    #[expected(Refused)]
    pub async fn transfer(&self, _ctx: &Context, cents: u64) -> Result<u64, Refused> {
        if cents == 0 { Err(Refused) } else { Ok(cents) }
    }
}

/// An endpoint that names a path in this crate.
#[endpoint(crate = crate::vendored::rpc)]
pub trait Bank {
    /// Answers.
    async fn ping(&self, _ctx: &Context) -> std::fmt::Result {
        Ok(())
    }
}

impl Bank for Ledger {}
