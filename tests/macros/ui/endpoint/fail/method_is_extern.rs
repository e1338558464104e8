// Fixed in pass/minimal.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    pub extern "C" fn ping(&self, _: &Context) {}
}

fn main() {}
