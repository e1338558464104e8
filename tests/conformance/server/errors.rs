//! Errors of methods: the expected ones, the others, and panics.

use std::error::Error;

use rpc_core::error::Ran;
use rpc_core::{CallError, Context, RpcClient, RpcError, Value, endpoint, from_value};
use serde::{Deserialize, Serialize};
use tracing::Level;

use crate::conformance::harness::{Logs, TestEnv, cases};

#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize, RpcError)]
#[error("{missing} cents short")]
struct InsufficientFunds {
    missing: u64,
}

#[derive(Debug, PartialEq, thiserror::Error, Serialize, Deserialize, RpcError)]
#[rpc_error(class = "AccountFault", module = "bank.accounts")]
enum AccountError {
    #[error("no account `{0}`")]
    Unknown(String),
    #[error("account `{0}` is frozen")]
    Frozen(String),
}

#[derive(Debug, thiserror::Error, RpcError)]
enum LedgerError {
    #[error(transparent)]
    Funds(#[from] InsufficientFunds),
    #[error("the accounts do not allow it")]
    Account(#[from] AccountError),
    #[error("password `hunter2` was not taken")]
    Disk(#[source] std::io::Error),
}

/// An error that no method declares. Its cause is declared.
#[derive(Debug, thiserror::Error)]
#[error("the account is overdrawn")]
struct Overdrawn {
    #[source]
    funds: InsufficientFunds,
}

struct Ledger;

#[endpoint(namespace = "bank")]
impl Ledger {
    #[expected(InsufficientFunds, AccountError::Unknown)]
    pub async fn transfer(&self, _ctx: &Context, from: String) -> Result<u64, LedgerError> {
        match from.as_str() {
            "poor" => Err(InsufficientFunds { missing: 3 })?,
            "nobody" => Err(AccountError::Unknown(from))?,
            "frozen" => Err(AccountError::Frozen(from))?,
            "disk" => Err(LedgerError::Disk(std::io::Error::other("sector 7 is gone"))),
            "panic" => panic!("the vault `hunter2` is open"),
            _ => Ok(7),
        }
    }

    #[expected(InsufficientFunds)]
    pub fn boxed(&self, _ctx: &Context) -> Result<(), Box<dyn Error + Send + Sync>> {
        Err(Box::new(Overdrawn { funds: InsufficientFunds { missing: 5 } }))
    }

    #[rpc(blocking)]
    #[expected(InsufficientFunds)]
    pub fn slow(&self, _ctx: &Context, panic: bool) -> Result<(), InsufficientFunds> {
        assert!(!panic, "the vault `hunter2` is open");
        Err(InsufficientFunds { missing: 9 })
    }
}

fn ctx() -> Context {
    Context::new()
}

async fn an_expected_error_arrives_as_its_type_with_its_value(env: TestEnv) {
    env.serve(Ledger).await;
    let bank: LedgerClient = env.client();
    let error = bank.transfer(&ctx(), "poor".into()).await.unwrap_err();
    assert_eq!((error.ran(), error.may_retry()), (Ran::Yes, false));
    assert_eq!(error.to_string(), "3 cents short");
    let CallError::Expected(LedgerTransferExpected::InsufficientFunds(funds)) = error else {
        panic!("{error}");
    };
    assert_eq!(funds, InsufficientFunds { missing: 3 });
}

async fn a_variant_is_expected_and_the_others_of_its_enum_are_not(env: TestEnv) {
    env.serve(Ledger).await;
    let bank: LedgerClient = env.client();
    let error = bank.transfer(&ctx(), "nobody".into()).await.unwrap_err();
    let CallError::Expected(LedgerTransferExpected::Unknown(account)) = error else {
        panic!("{error}");
    };
    assert_eq!(account, AccountError::Unknown("nobody".into()));
    let error = bank.transfer(&ctx(), "frozen".into()).await.unwrap_err();
    assert!(matches!(error, CallError::Remote(_)), "{error}");
}

async fn an_expected_error_is_found_behind_boxes_and_sources(env: TestEnv) {
    env.serve(Ledger).await;
    let bank: LedgerClient = env.client();
    let error = bank.boxed(&ctx()).await.unwrap_err();
    let CallError::Expected(LedgerBoxedExpected::InsufficientFunds(funds)) = error else {
        panic!("{error}");
    };
    assert_eq!(funds.missing, 5);
}

async fn an_expected_error_is_logged_at_debug_and_is_no_failure_of_the_server(env: TestEnv) {
    let server = env.serve(Ledger).await;
    let bank: LedgerClient = env.client();
    let logs = Logs::record(Level::DEBUG);
    bank.transfer(&ctx(), "poor".into()).await.unwrap_err();
    let lines: Vec<_> = logs.events().into_iter().filter(|e| e.says("3 cents short")).collect();
    assert_eq!(lines.iter().map(|e| e.level).collect::<Vec<_>>(), [Level::DEBUG], "{lines:?}");
    assert!(logs.at(Level::ERROR).is_empty() && logs.at(Level::WARN).is_empty(), "{logs:?}");
    let stats = server.stats();
    assert_eq!((stats.expected_errors, stats.errors, stats.panics), (1, 0, 0));
}

async fn an_expected_error_has_its_own_class_and_module_on_the_wire(env: TestEnv) {
    env.serve(Ledger).await;
    let client: RpcClient = env.client_of(env.target().namespace("bank"));
    let args = std::collections::BTreeMap::from([("from", "nobody")]);
    let error = client.call::<u64>(&ctx(), "transfer", &args).await.unwrap_err();
    let CallError::Remote(remote) = &error else { panic!("{error}") };
    assert_eq!((remote.class(), remote.module()), ("AccountFault", Some("bank.accounts")));
    assert_eq!(remote.message(), "no account `nobody`");
    let details = remote.details().unwrap();
    let value: Value =
        details.codec().decode(details.bytes(), &rpc_core::DecodeLimits::new()).unwrap();
    let error: AccountError = from_value(value).unwrap();
    assert_eq!(error, AccountError::Unknown("nobody".into()));
}

async fn an_unexpected_error_is_logged_with_its_causes(env: TestEnv) {
    let server = env.serve(Ledger).await;
    let bank: LedgerClient = env.client();
    let logs = Logs::record(Level::DEBUG);
    let error = bank.transfer(&ctx(), "disk".into()).await.unwrap_err();
    let id = error.info().and_then(|info| info.message_id).unwrap().to_string();
    let errors = logs.at(Level::ERROR);
    let [line] = &errors[..] else { panic!("{errors:?}") };
    for said in ["transfer", "hunter2", "sector 7 is gone", &id] {
        assert!(line.says(said), "{said}: {line:?}");
    }
    assert_eq!(server.stats().errors, 1);
}

async fn an_unexpected_error_tells_the_caller_nothing_of_the_inside(env: TestEnv) {
    env.serve(Ledger).await;
    let bank: LedgerClient = env.client();
    let error = bank.transfer(&ctx(), "disk".into()).await.unwrap_err();
    let CallError::Remote(remote) = &error else { panic!("{error}") };
    assert_eq!(remote.class(), "LedgerError");
    assert!(remote.causes().is_empty() && remote.details().is_none(), "{remote:?}");
    let all = format!("{error} {error:?}");
    assert!(!all.contains("hunter2") && !all.contains("sector"), "{all}");
    let id = remote.info().message_id.unwrap().to_string();
    assert!(remote.message().contains(&id), "the log can be searched for it: {error}");
    assert_eq!((error.ran(), error.may_retry()), (Ran::Yes, false));
}

async fn a_server_that_is_told_to_sends_text_and_causes(env: TestEnv) {
    env.start(env.server("one").endpoint(Ledger).expose_errors(true)).await;
    let bank: LedgerClient = env.client();
    let error = bank.transfer(&ctx(), "disk".into()).await.unwrap_err();
    let CallError::Remote(remote) = &error else { panic!("{error}") };
    assert_eq!(remote.message(), "password `hunter2` was not taken");
    assert_eq!(remote.causes(), ["sector 7 is gone"]);
    let error = bank.transfer(&ctx(), "panic".into()).await.unwrap_err();
    assert!(error.to_string().contains("the vault `hunter2` is open"), "{error}");
}

async fn a_panic_gets_a_reply_and_is_logged_and_the_server_goes_on(env: TestEnv) {
    let server = env.serve(Ledger).await;
    let bank: LedgerClient = env.client();
    let logs = Logs::record(Level::DEBUG);
    let error = bank.transfer(&ctx(), "panic".into()).await.unwrap_err();
    let CallError::Remote(remote) = &error else { panic!("{error}") };
    assert!(remote.is_panic());
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    assert_eq!((error.ran(), error.may_retry()), (Ran::Yes, false));
    let errors = logs.at(Level::ERROR);
    let [line] = &errors[..] else { panic!("{errors:?}") };
    assert!(line.says("transfer") && line.says("the vault `hunter2` is open"), "{line:?}");
    assert_eq!(server.stats().panics, 1);
    assert_eq!(bank.transfer(&ctx(), "rich".into()).await.unwrap(), 7);
}

async fn a_blocking_method_fails_and_panics_like_any_other(env: TestEnv) {
    let server = env.serve(Ledger).await;
    let bank: LedgerClient = env.client();
    let error = bank.slow(&ctx(), false).await.unwrap_err();
    let CallError::Expected(LedgerSlowExpected::InsufficientFunds(funds)) = error else {
        panic!("{error}");
    };
    assert_eq!(funds.missing, 9);
    let error = bank.slow(&ctx(), true).await.unwrap_err();
    let CallError::Remote(remote) = &error else { panic!("{error}") };
    assert!(remote.is_panic(), "{error}");
    assert_eq!(server.stats().panics, 1);
}

async fn a_cast_that_fails_is_only_logged(env: TestEnv) {
    let server = env
        .start(crate::conformance::helpers::reporter::serial(&env, "one").endpoint(Ledger))
        .await;
    let bank: LedgerClient = env.client();
    let logs = Logs::record(Level::DEBUG);
    for from in ["disk", "poor", "panic"] {
        bank.transfer(&ctx(), from.into()).cast().await.unwrap();
    }
    assert_eq!(bank.transfer(&ctx(), "rich".into()).await.unwrap(), 7, "one message at a time");
    let stats = server.stats();
    assert_eq!((stats.errors, stats.expected_errors, stats.panics), (1, 1, 1));
    let errors = logs.at(Level::ERROR);
    assert!(errors.len() == 2 && errors[0].says("hunter2"), "{errors:?}");
}

async fn an_error_names_its_call(env: TestEnv) {
    env.serve(Ledger).await;
    let bank: LedgerClient = env.client();
    let error = bank.transfer(&ctx(), "disk".into()).await.unwrap_err();
    let info = error.info().unwrap();
    assert_eq!(info.method, "transfer");
    assert_eq!(info.target, env.target().to_string());
    let said = error.to_string();
    for part in ["`transfer`", &info.target, &info.message_id.unwrap().to_string(), "ran: yes"] {
        assert!(said.contains(part), "{said}");
    }
}

cases! {
    an_expected_error_arrives_as_its_type_with_its_value;
    a_variant_is_expected_and_the_others_of_its_enum_are_not;
    an_expected_error_is_found_behind_boxes_and_sources;
    an_expected_error_is_logged_at_debug_and_is_no_failure_of_the_server;
    an_expected_error_has_its_own_class_and_module_on_the_wire;
    an_unexpected_error_is_logged_with_its_causes;
    an_unexpected_error_tells_the_caller_nothing_of_the_inside;
    a_server_that_is_told_to_sends_text_and_causes;
    a_panic_gets_a_reply_and_is_logged_and_the_server_goes_on;
    a_blocking_method_fails_and_panics_like_any_other;
    a_cast_that_fails_is_only_logged;
    an_error_names_its_call;
}
