// Fixed in pass/types_and_variants.rs
#![allow(unused)]

use rpc_core::{Context, RpcError, endpoint};
use serde::{Deserialize, Serialize};

#[derive(Debug, thiserror::Error, Serialize, Deserialize, RpcError)]
#[error("not found")]
pub struct NotFound;

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn ping(&self, _: &Context) {}

    #[expected(NotFound)]
    fn get(&self) -> Result<u64, NotFound> {
        Err(NotFound)
    }
}

fn main() {}
