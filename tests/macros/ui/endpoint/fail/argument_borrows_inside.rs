// Fixed in pass/owned_types.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn sum(&self, _: &Context, numbers: Option<&[u64]>) -> u64 {
        numbers.unwrap_or_default().iter().sum()
    }
}

fn main() {}
