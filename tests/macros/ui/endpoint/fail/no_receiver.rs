// Fixed in pass/constructor_in_another_impl.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn new() -> Self {
        Self
    }

    pub fn ping(&self, _: &Context) {}
}

fn main() {
    let _ = Ledger::new();
}
