// Fixed in pass/error_types.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn get(&self, _: &Context) -> Result<u64, String> {
        Ok(1)
    }
}

fn main() {}
