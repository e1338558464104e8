// Fixed in pass/rest.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn tag(&self, _: &Context, #[rpc(rest)] others: Vec<u64>) {}
}

fn main() {}
