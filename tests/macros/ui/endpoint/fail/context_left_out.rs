// Fixed in pass/context.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn echo(&self, text: String) -> String {
        text
    }
}

fn call(client: &LedgerClient) {
    let _ = client.echo(&Context::new(), "hello".into());
}

fn main() {}
