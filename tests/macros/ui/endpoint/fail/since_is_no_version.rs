// Fixed in pass/since.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint(version = "1.2")]
impl Ledger {
    #[since("soon")]
    pub fn ping(&self, _: &Context) {}
}

fn main() {}
