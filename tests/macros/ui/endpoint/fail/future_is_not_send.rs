// Fixed in pass/future_is_send.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};
use std::rc::Rc;

use tokio::task::yield_now;

struct Ledger;

#[endpoint]
impl Ledger {
    pub async fn get(&self, _: &Context) -> u64 {
        let one = Rc::new(1);
        yield_now().await;
        *one
    }
}

fn main() {}
