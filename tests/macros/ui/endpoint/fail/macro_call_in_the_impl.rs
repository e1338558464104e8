// Fixed in pass/macro_call_in_another_impl.rs
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

    methods!();
}

fn main() {}
