// Fixed in pass/all_settings.rs
#![allow(unused)]

use rpc_core::{Context, endpoint};

/// Is still there, and its client, whatever is wrong with the others.
async fn callers(ctx: &Context) -> u64 {
    let client = LedgerClient::in_process(Ledger);
    let _ = client.first(ctx, "text").await;
    client.second(ctx).await.unwrap()
}

struct Ledger;

#[endpoint]
impl Ledger {
    pub fn first(&self, _: &Context, text: &str) -> usize {
        text.len()
    }

    pub fn second(&self, _: &Context) -> u64 {
        2
    }

    #[expected(NotFound, other::NotFound)]
    pub fn third(&self, _: &Context) -> Option<u64> {
        None
    }

    #[rpc(name = "second")]
    pub fn fourth(&self) {}
}

fn main() {}
