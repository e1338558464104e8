// Fixed in pass/all_settings.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint(namespace = "", version = "two", legacy = [])]
impl Ledger {
    #[expected]
    #[since("3.0")]
    #[rpc(blocking, nmae = "get")]
    pub async fn get(&mut self, key: &str, (left, right): (u64, u64)) -> u64 {
        left + right
    }
}

fn call(client: &LedgerClient) {
    let _ = client.get(&Context::new(), "key");
}

fn main() {}
