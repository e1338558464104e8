// Fixed in pass/conditional_method.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    #[cfg_attr(unix, since("1.0"))]
    pub fn ping(&self, _: &Context) {}
}

fn main() {}
