// Fixed in pass/owned_types.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

#[derive(serde::Serialize, serde::Deserialize)]
struct Ledger;

#[endpoint]
impl Ledger {
    pub fn same(&self, _: &Context, other: Box<Self>) {}
}

fn main() {}
