// Fixed in pass/types_and_variants.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};
use serde::{Deserialize, Serialize};

#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
#[error("not found")]
pub struct NotFound;

struct Ledger;

#[endpoint]
impl Ledger {
    #[expected(NotFound)]
    pub fn get(&self, _: &Context) -> Result<u64, NotFound> {
        Err(NotFound)
    }
}

fn main() {}
