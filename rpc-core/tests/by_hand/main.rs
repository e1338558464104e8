//! An endpoint with the code that `#[endpoint]` generates, written by hand. The tests invoke its
//! methods through the tables, without a server.
#![allow(clippy::unwrap_used)]
#![allow(clippy::needless_pass_by_value, reason = "arguments of methods are their own")]

mod generated;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;

use rpc_core::__private::{
    ExpectedErrors, Rest, decode_expected, encode_args, encode_args_and_rest,
};
use rpc_core::error::RpcError;
use rpc_core::{
    Codec, Context, DecodeLimits, EncodedArgs, Endpoint, Failure, FailureKind, Map, Outcome,
    Payload, Value,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

const CODECS: [Codec; 2] = [Codec::MessagePack, Codec::Json];
const LIMITS: DecodeLimits = DecodeLimits::new();

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Transfer {
    from: String,
    to: String,
    cents: u64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Receipt {
    text: String,
}

#[derive(Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[error("{missing} cents short")]
struct InsufficientFunds {
    missing: u64,
}

#[derive(Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
enum AccountError {
    #[error("no account `{0}`")]
    Unknown(String),
    #[error("account `{0}` is frozen")]
    Frozen(String),
}

#[derive(Debug, thiserror::Error)]
enum LedgerError {
    #[error(transparent)]
    Funds(#[from] InsufficientFunds),
    #[error("the accounts do not allow it")]
    Account(#[from] AccountError),
}

/// The user's code.
struct Ledger<S> {
    store: S,
}

trait Store: Send + Sync + 'static {
    fn cents(&self, account: &str) -> u64;
}

#[allow(unreachable_pub, reason = "`pub` says that a method is remote")]
impl<S: Store> Ledger<S> {
    // #[expected(InsufficientFunds, AccountError::Unknown)]
    pub async fn transfer(
        &self,
        _: &Context,
        order: Transfer,
        note: Option<String>,
    ) -> Result<Receipt, LedgerError> {
        tokio::task::yield_now().await;
        match order.from.as_str() {
            "nobody" => return Err(AccountError::Unknown(order.from).into()),
            "frozen" => return Err(AccountError::Frozen(order.from).into()),
            _ => {}
        }
        let there = self.store.cents(&order.from);
        if there < order.cents {
            return Err(InsufficientFunds { missing: order.cents - there }.into());
        }
        let note = note.as_deref().unwrap_or("no note");
        Ok(Receipt { text: format!("{} to {}: {note}", order.cents, order.to) })
    }

    pub fn balance(&self, ctx: &Context, account: String) -> u64 {
        self.store.cents(&account) + u64::from(ctx.get("bonus").is_some())
    }

    // #[rpc(blocking)]
    pub fn thread(&self, _: &Context) -> String {
        format!("{:?}", thread::current().id())
    }

    // `others` is #[rpc(rest)]
    pub fn tag(&self, _: &Context, account: String, others: BTreeMap<String, u8>) -> String {
        format!("{account} {others:?}")
    }
}

/// The generated enum of expected errors.
#[derive(Debug, PartialEq)]
enum LedgerTransferExpected {
    InsufficientFunds(InsufficientFunds),
    Unknown(AccountError),
}

impl ExpectedErrors for LedgerTransferExpected {
    fn from_failure(failure: &Failure, limits: &DecodeLimits) -> Option<Self> {
        if let Some(error) = decode_expected(failure, limits) {
            return Some(Self::InsufficientFunds(error));
        }
        if let Some(error) = decode_expected(failure, limits)
            && matches!(error, AccountError::Unknown { .. })
        {
            return Some(Self::Unknown(error));
        }
        None
    }
}

struct Rich;

impl Store for Rich {
    fn cents(&self, _: &str) -> u64 {
        100
    }
}

/// Looks up the method and invokes it.
async fn invoke(ctx: &Context, method: &str, args: &Payload) -> Outcome {
    let methods = Ledger::<Rich>::DESCRIPTOR.methods;
    let index = methods.iter().position(|known| known.name == method).unwrap();
    let args = EncodedArgs { payload: args, limits: &LIMITS };
    Ledger::INVOKE[index](&Arc::new(Ledger { store: Rich }), ctx, args).await
}

fn result<T: DeserializeOwned>(outcome: Outcome) -> T {
    let payload = outcome.unwrap();
    payload.codec().decode(payload.bytes(), &LIMITS).unwrap()
}

/// Encodes the arguments like the client method of that name.
async fn transfer(codec: Codec, order: Transfer, note: Option<String>) -> Outcome {
    let absent = u32::from(note.is_none()) << 1;
    let args = encode_args(codec, &["order", "note"], &(&order, &note), absent).unwrap();
    invoke(&Context::new(), "transfer", &Payload::new(codec, args)).await
}

fn order(from: &str, cents: u64) -> Transfer {
    Transfer { from: from.to_owned(), to: "bob".to_owned(), cents }
}

#[tokio::test]
async fn an_async_method_answers_with_and_without_its_option() {
    for codec in CODECS {
        let receipt: Receipt = result(transfer(codec, order("ada", 5), None).await);
        assert_eq!(receipt.text, "5 to bob: no note");
        let receipt: Receipt = result(transfer(codec, order("ada", 5), Some("rent".into())).await);
        assert_eq!(receipt.text, "5 to bob: rent");
    }
}

#[tokio::test]
async fn expected_errors_arrive_as_their_types() {
    for codec in CODECS {
        let failure = transfer(codec, order("ada", 105), None).await.unwrap_err();
        assert_eq!(failure.kind(), FailureKind::Expected);
        assert_eq!(
            LedgerTransferExpected::from_failure(&failure, &LIMITS),
            Some(LedgerTransferExpected::InsufficientFunds(InsufficientFunds { missing: 5 }))
        );

        let failure = transfer(codec, order("nobody", 5), None).await.unwrap_err();
        assert_eq!(failure.module(), Some("bank.accounts"));
        assert_eq!(
            LedgerTransferExpected::from_failure(&failure, &LIMITS),
            Some(LedgerTransferExpected::Unknown(AccountError::Unknown("nobody".to_owned())))
        );
    }
}

#[tokio::test]
async fn a_variant_that_is_not_expected_is_opaque() {
    for codec in CODECS {
        let failure = transfer(codec, order("frozen", 5), None).await.unwrap_err();
        assert_eq!(failure.kind(), FailureKind::Error);
        assert_eq!(failure.class(), LedgerError::CLASS);
        assert_eq!(failure.message(), "the accounts do not allow it");
        assert_eq!(failure.causes(), ["account `frozen` is frozen"]);
        assert_eq!(LedgerTransferExpected::from_failure(&failure, &LIMITS), None);
    }
}

#[tokio::test]
async fn a_plain_value_is_answered_and_the_method_sees_the_context() {
    for codec in CODECS {
        let args = Payload::new(codec, encode_args(codec, &["account"], &("ada",), 0).unwrap());
        let cents: u64 = result(invoke(&Context::new(), "balance", &args).await);
        assert_eq!(cents, 100);
        let generous = Context::new().with("bonus", true);
        let cents: u64 = result(invoke(&generous, "balance", &args).await);
        assert_eq!(cents, 101);
    }
}

#[tokio::test]
async fn a_blocking_method_runs_on_another_thread() {
    for codec in CODECS {
        let args = Payload::new(codec, encode_args(codec, &[], &(), 0).unwrap());
        let there: String = result(invoke(&Context::new(), "thread", &args).await);
        assert_ne!(there, format!("{:?}", thread::current().id()));
    }
}

#[tokio::test]
async fn the_remaining_arguments_are_passed_on() {
    async fn tag<R: Rest>(codec: Codec, others: R) -> Outcome {
        let args = encode_args_and_rest(codec, &["account"], &("ada",), 0, &others).unwrap();
        invoke(&Context::new(), "tag", &Payload::new(codec, args)).await
    }
    for codec in CODECS {
        let others = BTreeMap::from([("b".to_owned(), 2), ("a".to_owned(), 1)]);
        assert_eq!(result::<String>(tag(codec, others).await), r#"ada {"a": 1, "b": 2}"#);
        let others: Map = [("a", Value::from("one"))].into_iter().collect();
        let failure = tag(codec, others).await.unwrap_err();
        assert!(failure.message().starts_with("argument `a` (u8): "), "{failure}");
    }
}

#[tokio::test]
async fn arguments_that_do_not_fit_are_refused_before_the_method_runs() {
    for codec in CODECS {
        let args = encode_args(codec, &["account", "amount"], &(1, 2), 0).unwrap();
        let failure = invoke(&Context::new(), "balance", &Payload::new(codec, args)).await;
        let failure = failure.unwrap_err();
        assert_eq!(failure.kind(), FailureKind::InvalidArguments);
        assert!(failure.message().starts_with("argument `account` (a string): "), "{failure}");

        let args = encode_args(codec, &["note"], &("hello",), 0).unwrap();
        let failure = invoke(&Context::new(), "transfer", &Payload::new(codec, args)).await;
        assert_eq!(
            failure.unwrap_err().message(),
            "missing argument `order` (struct Transfer); the method takes `order`, `note`"
        );
    }
}

#[test]
fn the_tables_are_in_one_order() {
    let descriptor = Ledger::<Rich>::DESCRIPTOR;
    assert_eq!(descriptor.methods.len(), Ledger::<Rich>::INVOKE.len());
    assert_eq!(descriptor.methods[0].expected[1].module, Some("bank.accounts"));
    assert!(descriptor.methods[0].args[0].ty.get().ends_with("Transfer"));
}
