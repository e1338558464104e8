// Fixed in pass/owned_types.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn echo(&self, _: &Context, text: impl Into<String>) -> String {
        text.into()
    }
}

fn main() {}
