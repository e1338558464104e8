// Fixed in pass/method_settings.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn ping(&self, _: &Context) {}

    #[rpc(name = "ping")]
    pub fn pong(&self, _: &Context) {}
}

fn main() {}
