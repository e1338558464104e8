// Fixed in pass/async_method.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn ping(&self, _: &Context) -> impl Future<Output = u64> {
        async { 1 }
    }
}

fn main() {}
