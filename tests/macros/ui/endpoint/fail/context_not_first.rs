// Fixed in pass/context.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn echo(&self, text: String, _: &Context) -> String {
        text
    }
}

fn main() {}
