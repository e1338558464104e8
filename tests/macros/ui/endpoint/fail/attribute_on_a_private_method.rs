// Fixed in pass/private_method.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn ping(&self, _: &Context) {}

    #[since("1.0")]
    fn helper(&self) {}
}

fn main() {}
