//! Expected errors: where they are found, and what happens to all others.

use std::error::Error;
use std::sync::Arc;

use rpc_core::{CallError, Context, RpcError, endpoint};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize, RpcError)]
#[error("insufficient funds: {missing} cents short")]
pub struct InsufficientFunds {
    pub missing: u64,
}

#[derive(Debug, thiserror::Error, Serialize, Deserialize, RpcError)]
pub enum BankError {
    #[error("closed since {year}")]
    Closed { year: u32 },
    #[error("no account {0}")]
    NoAccount(String),
    #[error("out of order")]
    Broken,
}

/// Hides the funds from `source()`, and tells of them by the derive.
#[derive(Debug, thiserror::Error, RpcError)]
pub enum LedgerError {
    #[error(transparent)]
    Funds(#[from] InsufficientFunds),
    #[error("storage")]
    Storage { source: Box<dyn Error + Send + Sync> },
    #[error("deep")]
    Deep(#[source] Option<Box<LedgerError>>),
}

/// Wraps the funds where `source()` shows them, without the derive.
#[derive(Debug, thiserror::Error)]
#[error("wrapped")]
pub struct Wrapped(#[source] InsufficientFunds);

pub mod other {
    use super::*;

    #[derive(Debug, thiserror::Error, Serialize, Deserialize, RpcError)]
    #[rpc_error(class = "OtherFunds")]
    #[error("other")]
    pub struct InsufficientFunds;
}

struct Bank;

const FUNDS: InsufficientFunds = InsufficientFunds { missing: 3 };

#[endpoint]
impl Bank {
    /// Returns the expected error of another service, by `?`.
    #[expected(InsufficientFunds)]
    pub async fn relayed(&self, ctx: &Context) -> anyhow::Result<u32> {
        Ok(bank().by_type(ctx).await?)
    }

    /// Returns the same error without a box in between.
    #[expected(InsufficientFunds)]
    pub async fn relayed_as_it_is(
        &self,
        ctx: &Context,
    ) -> Result<u32, CallError<BankByTypeExpected>> {
        bank().by_type(ctx).await
    }

    #[expected(InsufficientFunds)]
    pub fn by_type(&self, _: &Context) -> Result<u32, InsufficientFunds> {
        Err(FUNDS)
    }

    #[expected(BankError::Closed, BankError::NoAccount as Missing)]
    pub fn by_variant(&self, _: &Context, which: u32) -> Result<u32, BankError> {
        Err(match which {
            0 => BankError::Closed { year: 1929 },
            1 => BankError::NoAccount("x".into()),
            _ => BankError::Broken,
        })
    }

    #[expected(InsufficientFunds)]
    pub fn by_source(&self, _: &Context) -> Result<u32, Wrapped> {
        Err(Wrapped(FUNDS))
    }

    #[expected(InsufficientFunds)]
    pub fn through_transparent(&self, _: &Context, depth: u32) -> Result<u32, LedgerError> {
        Err(match depth {
            0 => LedgerError::Funds(FUNDS),
            1 => LedgerError::Storage { source: Box::new(FUNDS) },
            2 => LedgerError::Deep(Some(Box::new(LedgerError::Funds(FUNDS)))),
            _ => LedgerError::Deep(None),
        })
    }

    #[expected(InsufficientFunds)]
    pub fn through_anyhow(&self, _: &Context, context: bool) -> anyhow::Result<u32> {
        let error = anyhow::Error::new(FUNDS);
        Err(if context { error.context("while moving money") } else { error })
    }

    #[expected(InsufficientFunds)]
    pub fn through_a_box(&self, _: &Context) -> Result<u32, Box<dyn Error + Send + Sync>> {
        Err(Box::new(FUNDS))
    }

    #[expected(InsufficientFunds)]
    pub fn through_an_arc(&self, _: &Context) -> Result<u32, Arc<InsufficientFunds>> {
        Err(Arc::new(FUNDS))
    }

    #[expected(InsufficientFunds, other::InsufficientFunds as OtherFunds)]
    pub fn either(&self, _: &Context, other: bool) -> anyhow::Result<u32> {
        if other { Err(other::InsufficientFunds)? } else { Err(FUNDS)? }
    }

    pub fn unexpected(&self, _: &Context) -> Result<u32, InsufficientFunds> {
        Err(FUNDS)
    }
}

macro_rules! funds {
    ($call:expr, $expected:ident) => {
        match $call.await.unwrap_err() {
            CallError::Expected($expected::InsufficientFunds(funds)) => assert_eq!(funds, FUNDS),
            other => panic!("{other}"),
        }
    };
}

fn bank() -> BankClient {
    BankClient::in_process(Bank)
}

#[tokio::test]
async fn an_expected_error_is_found_by_its_type() {
    funds!(bank().by_type(&Context::new()), BankByTypeExpected);
}

#[tokio::test]
async fn an_expected_error_is_found_by_its_variant() {
    let closed = bank().by_variant(&Context::new(), 0).await.unwrap_err();
    let CallError::Expected(BankByVariantExpected::Closed(BankError::Closed { year })) = closed
    else {
        panic!("{closed}")
    };
    assert_eq!(year, 1929);
    let missing = bank().by_variant(&Context::new(), 1).await.unwrap_err();
    assert!(matches!(missing, CallError::Expected(BankByVariantExpected::Missing(_))));
    let broken = bank().by_variant(&Context::new(), 2).await.unwrap_err();
    assert!(matches!(broken, CallError::Remote(_)), "{broken}");
}

#[tokio::test]
async fn an_expected_error_is_found_in_the_chain_of_sources() {
    funds!(bank().by_source(&Context::new()), BankBySourceExpected);
}

#[tokio::test]
async fn an_expected_error_of_another_service_can_be_relayed() {
    let ctx = Context::new();
    let error = bank().relayed(&ctx).await.unwrap_err();
    assert!(
        matches!(&error, CallError::Expected(BankRelayedExpected::InsufficientFunds(found)) if *found == FUNDS),
        "{error:?}"
    );
    let error = bank().relayed_as_it_is(&ctx).await.unwrap_err();
    assert!(
        matches!(&error, CallError::Expected(BankRelayedAsItIsExpected::InsufficientFunds(found)) if *found == FUNDS),
        "{error:?}"
    );
}

#[tokio::test]
async fn the_derive_shows_what_a_transparent_variant_hides() {
    for depth in 0..3 {
        funds!(bank().through_transparent(&Context::new(), depth), BankThroughTransparentExpected);
    }
    let error = bank().through_transparent(&Context::new(), 3).await.unwrap_err();
    assert!(matches!(error, CallError::Remote(_)), "{error}");
}

#[tokio::test]
async fn an_expected_error_is_found_in_anyhow_a_box_and_an_arc() {
    funds!(bank().through_anyhow(&Context::new(), false), BankThroughAnyhowExpected);
    funds!(bank().through_anyhow(&Context::new(), true), BankThroughAnyhowExpected);
    funds!(bank().through_a_box(&Context::new()), BankThroughABoxExpected);
    funds!(bank().through_an_arc(&Context::new()), BankThroughAnArcExpected);
}

#[tokio::test]
async fn two_errors_of_one_name_are_told_apart_by_as() {
    funds!(bank().either(&Context::new(), false), BankEitherExpected);
    let other = bank().either(&Context::new(), true).await.unwrap_err();
    assert!(matches!(other, CallError::Expected(BankEitherExpected::OtherFunds(_))), "{other}");
}

#[tokio::test]
async fn an_error_that_is_not_expected_arrives_without_its_type() {
    let error = bank().unexpected(&Context::new()).await.unwrap_err();
    let CallError::Remote(remote) = error else { panic!("{error}") };
    assert_eq!(remote.class(), "InsufficientFunds");
}

#[test]
fn the_generated_enum_is_an_error_that_speaks_for_its_entry() {
    let error = BankByTypeExpected::InsufficientFunds(FUNDS);
    assert_eq!(error.to_string(), FUNDS.to_string());
    assert_eq!(format!("{error:?}"), format!("{FUNDS:?}"));
    let error: Box<dyn Error + Send + Sync> = Box::new(error);
    let source = error.source().and_then(|source| source.downcast_ref::<InsufficientFunds>());
    assert_eq!(source, Some(&FUNDS), "who looks for the entry finds it");
}
