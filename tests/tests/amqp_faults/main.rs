//! What callers and servers can rely on over RabbitMQ when links, brokers and processes fail.
//!
//! In most tests 16 callers call and cast (`load`) while something strikes; everybody notes what happens (`history`), which
//! is then held against the rules (`check`). Links lead through proxies, so that each side's can be disturbed alone
//! (`world`).
//!
//! `RPC_FAULT_SEED=x` decides what strikes when; a test prints the seed it ran with. `RPC_FAULT_ROUNDS=n` has each of these
//! tests run n times, with other seeds.

#![allow(clippy::unwrap_used, unreachable_pub)]

mod check;
mod history;
mod lag;
mod links;
mod load;
mod service;
mod world;

use std::hash::{BuildHasher, RandomState};

/// The seeds of a test's rounds.
fn seeds() -> Vec<u64> {
    let variable = |name| std::env::var(name).ok().map(|number| number.parse::<u64>().unwrap());
    let rounds = variable("RPC_FAULT_ROUNDS").unwrap_or(1);
    // Five digits are enough, and can be typed.
    let first = variable("RPC_FAULT_SEED").unwrap_or_else(|| RandomState::new().hash_one(()) % 100_000);
    (first..first + rounds).collect()
}

/// Tests of a scenario in both forms, for every seed.
#[macro_export]
macro_rules! scenario {
    ($name:ident) => {
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn amqp() {
                for seed in $crate::seeds() {
                    println!("RPC_FAULT_SEED={seed}");
                    Box::pin(super::$name(rpc_tests::rabbit::UrlForm::Amqp, seed)).await;
                }
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn rabbit() {
                for seed in $crate::seeds() {
                    println!("RPC_FAULT_SEED={seed}");
                    Box::pin(super::$name(rpc_tests::rabbit::UrlForm::Rabbit, seed)).await;
                }
            }
        }
    };
}
