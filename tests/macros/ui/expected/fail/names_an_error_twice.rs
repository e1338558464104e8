// Fixed in pass/types_and_variants.rs
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

struct Ledger;

#[endpoint]
impl Ledger {
    #[expected(NotFound, LedgerError::Closed, NotFound)]
    pub fn get(&self, _: &Context) -> Result<u64, LedgerError> {
        Err(LedgerError::Closed)
    }
}

fn main() {}
