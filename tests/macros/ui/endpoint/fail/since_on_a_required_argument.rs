// Fixed in pass/since.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint(version = "1.2")]
impl Ledger {
    pub fn put(&self, _: &Context, id: u64, #[since("1.1")] note: String) {}
}

fn main() {}
