#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

impl Ledger {
    pub fn new() -> Self {
        Self
    }
}

#[endpoint]
impl Ledger {
    pub fn ping(&self, _: &Context) {}
}

fn main() {
    let _ = Ledger::new();
}
