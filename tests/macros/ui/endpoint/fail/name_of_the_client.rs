// Fixed in pass/name_on_the_wire.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn prepare(&self, _: &Context) {}
}

fn main() {}
