// Fixed in pass/context.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn ping(&self, #[rpc(name = "context")] _: &Context) {}
}

fn main() {}
