// Fixed in pass/method_settings.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn put(&self, _: &Context, #[rpc(alias = "key")] id: u64) {}
}

fn main() {}
