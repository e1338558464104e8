#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    #[rpc(name = "pong", alias = "echo", alias = "reply", blocking)]
    pub fn ping(&self, _: &Context, #[rpc(name = "key")] id: u64) -> u64 {
        id
    }
}

fn main() {}
