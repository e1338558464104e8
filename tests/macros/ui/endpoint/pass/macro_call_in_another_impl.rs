#![allow(unused)]

use rpc_core::{Context, endpoint};

macro_rules! methods {
    () => {
        pub fn pong(&self, _: &Context) {}
    };
}

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn ping(&self, _: &Context) {}
}

impl Ledger {
    methods!();
}

fn main() {
    Ledger.pong(&Context::new());
}
