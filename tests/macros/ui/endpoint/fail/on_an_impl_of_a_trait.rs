// Fixed in pass/trait_endpoint.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

trait Bank {
    fn ping(&self, ctx: &Context);
}

struct Ledger;

#[endpoint]
impl Bank for Ledger {
    fn ping(&self, _: &Context) {}
}

fn main() {
    Ledger.ping(&Context::new());
}
