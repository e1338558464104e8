#![allow(unused)]

use rpc_core::{Context, endpoint};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Order;

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn put(&self, _: &Context, order: Order) -> Result<Order, std::fmt::Error> {
        Ok(order)
    }
}

fn main() {}
