// Fixed in pass/minimal.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    fn ping(&self, _: &Context) {}
}

fn main() {}
