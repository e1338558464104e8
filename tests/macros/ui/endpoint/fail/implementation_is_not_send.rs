// Fixed in pass/trait_endpoint.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};
use std::rc::Rc;

use tokio::task::yield_now;

#[endpoint]
trait Bank {
    async fn get(&self, ctx: &Context) -> u64;
}

struct Ledger;

impl Bank for Ledger {
    async fn get(&self, _: &Context) -> u64 {
        let one = Rc::new(1);
        yield_now().await;
        *one
    }
}

fn main() {}
