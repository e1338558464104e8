#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn add(&self, _: &Context, pair: (u64, u64)) -> u64 {
        let (left, right) = pair;
        left + right
    }

    pub fn unused(&self, _: &Context, #[rpc(name = "number")] _number: u64) {}

    pub fn mutable(&self, _: &Context, mut left: u64, right: u64) -> u64 {
        left += right;
        left
    }
}

fn main() {}
