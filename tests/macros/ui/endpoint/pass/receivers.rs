#![allow(unused)]

use std::sync::Arc;

use rpc_core::{Context, endpoint};

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn ping(&self, _: &Context) {}

    pub fn keep(self: Arc<Self>, _: &Context) {}
}

fn main() {}
