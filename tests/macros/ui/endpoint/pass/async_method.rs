#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    pub async fn ping(&self, _: &Context) -> u64 {
        1
    }
}

fn main() {}
