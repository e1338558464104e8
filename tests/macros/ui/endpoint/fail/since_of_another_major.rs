// Fixed in pass/since.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint(version = "2.4")]
impl Ledger {
    #[since("1.1")]
    pub fn ping(&self, _: &Context) {}
}

fn main() {}
