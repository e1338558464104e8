// Fixed in pass/rest.rs
#![allow(unused)]

use rpc_core::{Context, Map, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn tag(&self, _: &Context, #[rpc(rest)] others: Map, id: u64) {}
}

fn main() {}
