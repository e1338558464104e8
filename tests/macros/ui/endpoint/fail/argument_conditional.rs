// Fixed in pass/conditional_method.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn add(&self, _: &Context, #[cfg(unix)] number: u64) {}
}

fn main() {}
