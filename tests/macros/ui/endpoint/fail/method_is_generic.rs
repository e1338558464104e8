// Fixed in pass/generic_endpoint.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn echo<T>(&self, _: &Context, value: T) -> T {
        value
    }
}

fn main() {}
