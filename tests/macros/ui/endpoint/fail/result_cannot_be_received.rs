// Fixed in pass/types_that_travel.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};
use serde::Serialize;

#[derive(Serialize)]
struct Order;

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn get(&self, _: &Context) -> Result<Order, std::fmt::Error> {
        Ok(Order)
    }
}

fn main() {}
