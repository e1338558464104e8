// Fixed in pass/named_arguments.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn add(&self, _: &Context, left: u64, #[rpc(name = "left")] right: u64) -> u64 {
        left + right
    }
}

fn main() {}
