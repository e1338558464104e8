// Fixed in pass/all_settings.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint(legacy_namespaces = [None])]
impl Ledger {
    pub fn ping(&self, _: &Context) {}
}

fn main() {}
