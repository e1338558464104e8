//! Panics in unusual places: in what decodes an argument, and in the destructor of a panic's value.

use std::panic::panic_any;

use rpc_core::error::Ran;
use rpc_core::{CallError, Context, RunningServer, endpoint};
use serde::{Deserialize, Deserializer, Serialize};

use crate::conformance::harness::{TestEnv, cases};

/// A value that is checked with an assertion when it arrives.
#[derive(Serialize)]
struct Amount(u64);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let amount = u64::deserialize(deserializer)?;
        assert!(amount > 0, "nothing to pay");
        Ok(Self(amount))
    }
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

struct Bank;

#[endpoint]
impl Bank {
    pub async fn pay(&self, _ctx: &Context, amount: Amount) -> u64 {
        amount.0
    }

    pub async fn pay_with(
        &self,
        _ctx: &Context,
        amount: Amount,
        #[rpc(rest)] more: std::collections::BTreeMap<String, u64>,
    ) -> u64 {
        amount.0 + more.values().sum::<u64>()
    }

    pub async fn explode(&self, _ctx: &Context) {
        panic_any(PanicsWhenDropped);
    }

    #[rpc(blocking)]
    pub fn explode_aside(&self, _ctx: &Context) {
        panic_any(PanicsWhenDropped);
    }
}

/// Asserts that a call was answered as a panic, and that the server counts it and goes on.
async fn assert_answered<T: std::fmt::Debug>(
    told: Result<T, CallError>,
    ran: Ran,
    server: &RunningServer,
    panics: u64,
    bank: &BankClient,
) {
    let error = told.unwrap_err();
    let CallError::Remote(remote) = &error else { panic!("{error}") };
    assert!(remote.is_panic(), "{error}");
    assert_eq!(error.ran(), ran, "{error}");
    let stats = server.stats();
    assert_eq!((stats.panics, stats.interrupted), (panics, 0));
    assert_eq!(bank.pay(&Context::new(), Amount(3)).await.unwrap(), 3);
}

async fn a_method_whose_argument_panics_while_it_is_decoded_did_not_run(env: TestEnv) {
    let server = env.serve(Bank).await;
    let (bank, ctx): (BankClient, _) = (env.client(), Context::new());
    let told = bank.pay(&ctx, Amount(0)).await;
    assert_answered(told, Ran::No, &server, 1, &bank).await;
    let told = bank.pay_with(&ctx, Amount(0), [("tip".to_owned(), 1)].into()).await;
    assert_answered(told, Ran::No, &server, 2, &bank).await;
}

async fn a_panic_whose_value_panics_when_it_is_dropped_is_answered_like_others(env: TestEnv) {
    let server = env.serve(Bank).await;
    let (bank, ctx): (BankClient, _) = (env.client(), Context::new());
    let told = bank.explode(&ctx).await;
    assert_answered(told, Ran::Yes, &server, 1, &bank).await;
    let told = bank.explode_aside(&ctx).await;
    assert_answered(told, Ran::Yes, &server, 2, &bank).await;
}

cases! {
    a_method_whose_argument_panics_while_it_is_decoded_did_not_run;
    a_panic_whose_value_panics_when_it_is_dropped_is_answered_like_others;
}
