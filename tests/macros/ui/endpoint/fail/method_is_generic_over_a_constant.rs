// Fixed in pass/generic_endpoint.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn get<const N: usize>(&self, _: &Context) -> usize {
        N
    }
}

fn main() {}
