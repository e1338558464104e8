// Fixed in pass/two_of_one_name.rs
#![allow(unused)]

use rpc_core::{Context, RpcError, endpoint};
use serde::{Deserialize, Serialize};

#[derive(Debug, thiserror::Error, Serialize, Deserialize, RpcError)]
#[error("not found")]
pub struct NotFound;

#[derive(Debug, thiserror::Error, Serialize, Deserialize, RpcError)]
pub enum LedgerError {
    #[error("closed")]
    Closed,
    #[error("no account {0}")]
    NoAccount(String),
}

pub mod other {
    pub use super::NotFound;
}

struct Ledger;

#[endpoint]
impl Ledger {
    #[expected(NotFound, other::NotFound)]
    pub fn get(&self, _: &Context) -> Result<u64, LedgerError> {
        Err(LedgerError::Closed)
    }
}

fn main() {}
