// Fixed in pass/types_that_travel.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};
use serde::Serialize;

#[derive(Serialize)]
struct Order;

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn put(&self, _: &Context, id: u64, order: Order) {}
}

fn main() {}
