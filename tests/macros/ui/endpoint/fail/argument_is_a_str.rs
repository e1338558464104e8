// Fixed in pass/owned_types.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn echo(&self, _: &Context, text: &str) -> usize {
        text.len()
    }
}

fn call(client: &LedgerClient) {
    let _ = client.echo(&Context::new(), "hello");
}

fn main() {}
