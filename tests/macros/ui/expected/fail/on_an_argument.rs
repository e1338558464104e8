// Fixed in pass/types_and_variants.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn get(&self, _: &Context, #[expected(NotFound)] id: u64) -> u64 {
        id
    }
}

fn main() {}
