//! Testing a service without a server and without a transport: the same client, the same dispatch, one endpoint.
//!
//! `cargo run --example testing_a_service`
//!
//! In a service the functions below would be `#[tokio::test]`s.

use std::sync::atomic::{AtomicU64, Ordering};

use rpc_core::error::RejectReason;
use rpc_core::{CallError, Context, Map, RpcError, endpoint};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, thiserror::Error, Serialize, Deserialize, RpcError)]
#[error("sold out, {left} left")]
struct SoldOut {
    left: u64,
}

/// The service to be tested.
struct Shop {
    stock: AtomicU64,
}

#[endpoint(namespace = "shop", version = "1.0")]
impl Shop {
    /// Sells some; returns how many are left.
    #[expected(SoldOut)]
    pub fn sell(&self, ctx: &Context, count: u64) -> Result<u64, SoldOut> {
        let count = if ctx.get_str("role") == Some("half") { count / 2 } else { count };
        let sold = self
            .stock
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |stock| stock.checked_sub(count));
        sold.map(|before| before - count).map_err(|left| SoldOut { left })
    }
}

fn shop(stock: u64) -> ShopClient {
    ShopClient::in_process(Shop { stock: AtomicU64::new(stock) })
}

async fn selling_lowers_the_stock() -> anyhow::Result<()> {
    let shop = shop(10);
    assert_eq!(shop.sell(&Context::new(), 3).await?, 7);
    assert_eq!(shop.sell(&Context::new(), 3).await?, 4);
    Ok(())
}

async fn selling_more_than_there_is_says_how_many_are_left() {
    let answer = shop(2).sell(&Context::new(), 3).await;
    let Err(CallError::Expected(ShopSellExpected::SoldOut(error))) = answer else {
        panic!("not sold out: {answer:?}");
    };
    assert_eq!(error, SoldOut { left: 2 });
}

/// Arguments, results and contexts are really encoded, so a field that serde skips is missed here, too.
async fn the_context_arrives() -> anyhow::Result<()> {
    assert_eq!(shop(10).sell(&Context::new().with("role", "half"), 6).await?, 7);
    Ok(())
}

/// What a typed client cannot write, a stranger can: the untyped client underneath sends anything.
async fn a_stranger_who_forgets_an_argument_is_told_which() {
    let shop = shop(10);
    let answer = shop
        .rpc()
        .prepare()
        .namespace("shop")
        .build()
        .call::<u64>(&Context::new(), "sell", &Map::new())
        .await;
    let Err(CallError::Rejected(refused)) = answer else { panic!("not refused: {answer:?}") };
    assert_eq!(*refused.reason(), RejectReason::InvalidArguments);
    assert!(refused.message().contains("`count`"), "{}", refused.message());
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    selling_lowers_the_stock().await?;
    println!("selling lowers the stock: ok");
    selling_more_than_there_is_says_how_many_are_left().await;
    println!("selling more than there is says how many are left: ok");
    the_context_arrives().await?;
    println!("the context arrives: ok");
    a_stranger_who_forgets_an_argument_is_told_which().await;
    println!("a stranger who forgets an argument is told which: ok");
    Ok(())
}
