//! Tests of a service without a server and without a transport: the generated client calls the endpoint in process.
//!
//! `cargo run -p rpc-examples --example testing_a_service`
//!
//! In a service, the test functions below would be `#[tokio::test]`s.

use std::sync::atomic::{AtomicU64, Ordering};

use rpc_core::error::RejectReason;
use rpc_core::{CallError, Context, Map, RpcError, endpoint};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, thiserror::Error, Serialize, Deserialize, RpcError)]
#[error("sold out, {left} left")]
struct SoldOut {
    left: u64,
}

/// The service under test.
struct Shop {
    stock: AtomicU64,
}

#[endpoint(namespace = "shop", version = "1.0")]
impl Shop {
    /// Sells so many items, and returns how many are left.
    #[expected(SoldOut)]
    pub fn sell(&self, ctx: &Context, count: u64) -> Result<u64, SoldOut> {
        let count = if ctx.get_str("unit") == Some("dozen") { count * 12 } else { count };
        let sold = self
            .stock
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |stock| stock.checked_sub(count));
        sold.map(|before| before - count).map_err(|left| SoldOut { left })
    }
}

fn shop(stock: u64) -> ShopClient {
    ShopClient::in_process(Shop { stock: AtomicU64::new(stock) })
}

async fn selling_lowers_the_stock() -> Result<(), Box<dyn std::error::Error>> {
    let shop = shop(10);
    assert_eq!(shop.sell(&Context::new(), 3).await?, 7);
    assert_eq!(shop.sell(&Context::new(), 3).await?, 4);
    Ok(())
}

async fn selling_too_many_is_an_expected_error() {
    let result = shop(2).sell(&Context::new(), 3).await;
    let Err(CallError::Expected(ShopSellExpected::SoldOut(error))) = result else {
        panic!("not sold out: {result:?}");
    };
    assert_eq!(error, SoldOut { left: 2 });
}

/// Arguments, results and contexts are encoded as over a transport, so a field that serde skips is missing here too.
async fn the_method_receives_the_context() -> Result<(), Box<dyn std::error::Error>> {
    assert_eq!(shop(30).sell(&Context::new().with("unit", "dozen"), 2).await?, 6);
    Ok(())
}

/// The untyped client sends what the generated client cannot: a call without its argument.
async fn a_missing_argument_is_rejected_by_name() {
    let shop = shop(10);
    let result = shop
        .rpc()
        .prepare()
        .namespace("shop")
        .build()
        .call::<u64>(&Context::new(), "sell", &Map::new())
        .await;
    let Err(CallError::Rejected(rejected)) = result else { panic!("not rejected: {result:?}") };
    assert_eq!(*rejected.reason(), RejectReason::InvalidArguments);
    assert!(rejected.message().contains("`count`"), "{}", rejected.message());
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    selling_lowers_the_stock().await?;
    println!("selling lowers the stock: ok");
    selling_too_many_is_an_expected_error().await;
    println!("selling too many is an expected error: ok");
    the_method_receives_the_context().await?;
    println!("the method receives the context: ok");
    a_missing_argument_is_rejected_by_name().await;
    println!("a missing argument is rejected by name: ok");
    Ok(())
}
