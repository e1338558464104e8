#![allow(unused)]

use rpc_core::{Context, endpoint};
use std::sync::Arc;

use tokio::task::yield_now;

struct Ledger;

#[endpoint]
impl Ledger {
    pub async fn get(&self, _: &Context) -> u64 {
        let one = Arc::new(1);
        yield_now().await;
        *one
    }
}

fn main() {}
