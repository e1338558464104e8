// Fixed in pass/named_arguments.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn add(&self, _: &Context, _number: u64) {}
}

fn main() {}
