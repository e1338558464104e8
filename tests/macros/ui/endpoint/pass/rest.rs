#![allow(unused)]

use rpc_core::{Context, Map, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn tag(&self, _: &Context, id: u64, #[rpc(rest)] others: Map) -> usize {
        id as usize + others.len()
    }
}

fn main() {}
