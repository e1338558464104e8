// Fixed in pass/all_settings.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint(namespace = "bank", legacy_namespaces = ["old", "bank", "old"])]
impl Ledger {
    pub fn ping(&self, _: &Context) {}
}

fn main() {}
