// Fixed in pass/since.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint(version = "1.2")]
impl Ledger {
    #[since("1.1")]
    #[since("1.2")]
    pub fn ping(&self, _: &Context) {}
}

fn main() {}
