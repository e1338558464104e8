#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    #[rpc(name = "prepare")]
    pub fn prepare_order(&self, _: &Context) {}
}

fn main() {}
