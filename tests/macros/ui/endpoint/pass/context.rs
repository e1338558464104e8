#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn ping(&self, _: &Context) {}

    pub fn echo(&self, _: &rpc_core::Context, text: String) -> String {
        text
    }
}

fn main() {}
