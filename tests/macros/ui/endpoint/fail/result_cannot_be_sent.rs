// Fixed in pass/types_that_travel.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};
use serde::Deserialize;

#[derive(Deserialize)]
struct Order;

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn get(&self, _: &Context) -> Order {
        Order
    }
}

fn main() {}
