// Fixed in pass/private_method.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn ping(&self, _: &Context) {}

    fn helper(&self, #[rpc(name = "a")] b: u64) {}
}

fn main() {}
