//! The guarantees over RabbitMQ when connections, brokers and processes fail.
//!
//! In most tests 16 callers call and cast (`load`) while a fault is injected. All of them record what happens (`history`),
//! which is then checked against the rules (`rules`). Connections lead through proxies, so that those of each side can be
//! disturbed alone (`fault_env`).
//!
//! `RPC_FAULT_SEED=x` decides which fault happens when; a test prints its seed. `RPC_FAULT_ROUNDS=n` runs each of these
//! tests n times, with other seeds.

#![allow(clippy::unwrap_used, unreachable_pub)]

mod broker;
mod call_history;
mod cleanup;
mod cluster;
mod connections;
mod delivery_barrier;
mod fault_env;
mod history;
mod killable_server;
mod large_replies;
mod load;
mod log;
mod pair;
mod promise;
mod replies;
mod rules;
mod rules_tests;
mod servers;
mod service;
mod soak;
mod timer_lag;

use std::time::Duration;

use tokio::time::timeout;

/// How long a scenario may take on a busy machine.
const SCENARIO_TIMEOUT: Duration = Duration::from_secs(150);

/// Plays a scenario's rounds.
async fn play<F: Future<Output = ()>>(scenario: impl Fn(u64) -> F) {
    let variable = |name| std::env::var(name).ok().map(|number| number.parse::<u64>().unwrap());
    let rounds = variable("RPC_FAULT_ROUNDS").unwrap_or(1);
    // Five digits are enough, and can be typed.
    let random = || fastrand::u64(..100_000);
    let first = variable("RPC_FAULT_SEED").unwrap_or_else(random);
    for seed in first..first + rounds {
        println!("RPC_FAULT_SEED={seed}");
        let _shown = log::ShownWarnings::from_now_on();
        timeout(SCENARIO_TIMEOUT, Box::pin(scenario(seed)))
            .await
            .expect("the scenario comes to an end");
    }
}

/// Tests of a scenario in both forms.
#[macro_export]
macro_rules! scenario {
    ($name:ident) => {
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn amqp() {
                $crate::play(|seed| {
                    super::$name(rpc_tests::support::rabbitmq::UrlForm::Amqp, seed)
                })
                .await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn rabbit() {
                $crate::play(|seed| {
                    super::$name(rpc_tests::support::rabbitmq::UrlForm::Rabbit, seed)
                })
                .await;
            }
        }
    };
}
