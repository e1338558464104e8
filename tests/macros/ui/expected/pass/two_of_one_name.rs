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
    use super::*;

    #[derive(Debug, thiserror::Error, Serialize, Deserialize, RpcError)]
    #[error("not there")]
    #[rpc_error(class = "NotThere")]
    pub struct NotFound;
}

struct Ledger;

#[endpoint]
impl Ledger {
    #[expected(NotFound, other::NotFound as NotThere)]
    pub fn get(&self, _: &Context) -> Result<u64, LedgerError> {
        Err(LedgerError::Closed)
    }
}

fn main() {}
