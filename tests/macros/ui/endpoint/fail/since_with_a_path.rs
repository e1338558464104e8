// Fixed in pass/since.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint(version = "1.2")]
impl Ledger {
    #[rpc_core::since("1.1")]
    pub fn ping(&self, _: &Context) {}
}

fn main() {}
