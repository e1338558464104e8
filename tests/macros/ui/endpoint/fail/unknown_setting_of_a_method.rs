// Fixed in pass/method_settings.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    #[rpc(rename = "pong")]
    pub fn ping(&self, _: &Context) {}
}

fn main() {}
