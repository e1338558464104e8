// Fixed in pass/owned_types.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn name(&self, _: &Context) -> &'static str {
        "ledger"
    }
}

fn main() {}
