//! Errors of methods, as exceptions.

use rpc_core::server::ServerBuilder;
use rpc_core::{Context, RpcError, endpoint};
use rpc_tests::interop::{Exception, InteropEnv, cases};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// As `peer_errors` has it.
#[derive(Debug, thiserror::Error, Serialize, Deserialize, RpcError)]
#[error("{missing} cents short")]
#[rpc_error(module = "peer_errors")]
struct InsufficientFunds {
    missing: u64,
}

#[derive(Debug, thiserror::Error, Serialize, Deserialize, RpcError)]
#[error("code {0}: {1}")]
#[rpc_error(module = "peer_errors")]
struct Positional(i64, String);

#[derive(Debug, thiserror::Error, Serialize, Deserialize, RpcError)]
#[error("`{0}` is no account number")]
#[rpc_error(class = "ValueError", module = "builtins")]
struct BadNumber(String);

#[derive(Debug, thiserror::Error, Serialize, Deserialize, RpcError)]
#[error("the account is locked")]
#[rpc_error(class = "PermissionError", module = "builtins")]
struct Locked;

#[derive(Debug, thiserror::Error, Serialize, Deserialize, RpcError)]
#[error("no account of {owner}")]
#[rpc_error(class = "LookupError", module = "builtins")]
struct NoAccount {
    owner: String,
}

#[derive(Debug, thiserror::Error, Serialize, Deserialize, RpcError)]
#[error("closed on {day}")]
struct Closed {
    day: String,
}

#[derive(Debug, thiserror::Error, Serialize, Deserialize, RpcError)]
#[error("not in that module")]
#[rpc_error(module = "peer_errors")]
struct NotThere;

#[derive(Debug, thiserror::Error, RpcError)]
enum BankError {
    #[error(transparent)]
    Funds(#[from] InsufficientFunds),
    #[error(transparent)]
    Positional(#[from] Positional),
    #[error(transparent)]
    Number(#[from] BadNumber),
    #[error(transparent)]
    Locked(#[from] Locked),
    #[error(transparent)]
    Account(#[from] NoAccount),
    #[error(transparent)]
    Closed(#[from] Closed),
    #[error(transparent)]
    NotThere(#[from] NotThere),
    #[error("password `hunter2` was not taken")]
    Disk(#[source] std::io::Error),
}

struct Bank;

#[endpoint]
impl Bank {
    #[expected(InsufficientFunds, Positional, BadNumber, Locked, NoAccount, Closed, NotThere)]
    pub fn withdraw(&self, _ctx: &Context, how: String) -> Result<u64, BankError> {
        Err(match how.as_str() {
            "funds" => InsufficientFunds { missing: 3 }.into(),
            "positional" => Positional(7, "why".into()).into(),
            "number" => BadNumber("ä1".into()).into(),
            "locked" => Locked.into(),
            "account" => NoAccount { owner: "ada".into() }.into(),
            "closed" => Closed { day: "sunday".into() }.into(),
            "not there" => NotThere.into(),
            "disk" => BankError::Disk(std::io::Error::other("sector 7 is gone")),
            "panic" => panic!("the vault `hunter2` is open"),
            _ => return Ok(7),
        })
    }
}

async fn withdraw(env: &InteropEnv, how: &str) -> Result<Value, Exception> {
    env.python().await.call("withdraw", json!({ "how": how })).await
}

async fn refused(env: &InteropEnv, how: &str) -> Exception {
    withdraw(env, how).await.unwrap_err()
}

fn server(env: &InteropEnv) -> ServerBuilder {
    env.server("rust").endpoint(Bank)
}

async fn an_expected_error_is_the_exception_that_it_names(env: InteropEnv) {
    env.serve(Bank).await;
    let error = refused(&env, "funds").await;
    assert_eq!((&*error.name(), error.rebuilt), ("peer_errors.InsufficientFunds", true));
    assert_eq!(error.kwargs, json!({ "missing": 3 }));
    assert_eq!(error.args, ["3 cents short"]);
    assert!(error.text.starts_with("3 cents short"), "{error:?}");
}

async fn an_expected_error_is_caught_by_its_base_class(env: InteropEnv) {
    env.serve(Bank).await;
    let error = refused(&env, "funds").await;
    assert!(error.bases.iter().any(|base| base == "peer_errors.PeerException"), "{error:?}");
}

async fn fields_without_names_are_positional_arguments(env: InteropEnv) {
    env.serve(Bank).await;
    let error = refused(&env, "positional").await;
    assert_eq!((&*error.name(), error.rebuilt), ("peer_errors.Positional", true));
    assert_eq!(error.args, [json!(7), json!("why")]);
    assert!(error.text.starts_with("code 7: why"), "{error:?}");
}

async fn an_expected_error_may_be_a_builtin_exception(env: InteropEnv) {
    env.serve(Bank).await;
    let error = refused(&env, "number").await;
    assert_eq!(error.name(), "builtins.ValueError");
    assert!(error.text.starts_with("`ä1` is no account number"), "{error:?}");
    let error = refused(&env, "locked").await;
    assert_eq!(error.name(), "builtins.PermissionError");
    assert!(error.text.starts_with("the account is locked"), "{error:?}");
    let error = refused(&env, "account").await;
    assert_eq!(error.name(), "builtins.LookupError", "named fields do not hinder it");
    assert!(error.text.starts_with("no account of ada"), "{error:?}");
}

async fn an_error_without_a_module_is_a_remote_error_with_class_and_text(env: InteropEnv) {
    env.serve(Bank).await;
    let error = refused(&env, "closed").await;
    assert_eq!(error.remote_class(), "Closed");
    assert_eq!(error.value, "closed on sunday");
}

async fn a_class_that_the_module_does_not_have_is_a_remote_error(env: InteropEnv) {
    env.serve(Bank).await;
    let error = refused(&env, "not there").await;
    assert_eq!((error.remote_class(), &error.value), ("NotThere", &json!("not in that module")));
}

async fn a_client_that_does_not_allow_the_module_gets_a_remote_error(env: InteropEnv) {
    env.serve(Bank).await;
    let client = env.python_client().await;
    client.connect("strict", env.url(), &[]).await.unwrap();
    let python = client.to(env.topic()).with("transport", "strict");
    let error = python.call("withdraw", json!({ "how": "funds" })).await.unwrap_err();
    assert_eq!(error.remote_class(), "InsufficientFunds");
    assert_eq!(error.value, "3 cents short");
}

async fn an_unexpected_error_tells_nothing_of_the_inside(env: InteropEnv) {
    env.serve(Bank).await;
    let error = refused(&env, "disk").await;
    assert_eq!(error.remote_class(), "BankError");
    let all = format!("{error:?}");
    assert!(!all.contains("hunter2") && !all.contains("sector"), "{all}");
}

async fn a_server_that_is_told_to_sends_text_and_causes(env: InteropEnv) {
    env.start(server(&env).expose_errors(true)).await;
    let error = refused(&env, "disk").await;
    assert_eq!(error.value, "password `hunter2` was not taken");
    assert!(error.text.contains("sector 7 is gone"), "{error:?}");
}

async fn a_panic_is_a_remote_error_and_the_server_goes_on(env: InteropEnv) {
    env.serve(Bank).await;
    let error = refused(&env, "panic").await;
    assert!(error.exc_type.is_some() && !error.text.contains("hunter2"), "{error:?}");
    assert_eq!(withdraw(&env, "fine").await.unwrap(), 7);
}

async fn failures_do_not_keep_others_from_being_served(env: InteropEnv) {
    env.serve(Bank).await;
    for how in ["funds", "disk", "closed", "panic", "number"] {
        env.python().await.cast("withdraw", json!({ "how": how })).await.unwrap();
        refused(&env, how).await;
        assert_eq!(withdraw(&env, "fine").await.unwrap(), 7);
    }
}

cases! {
    an_expected_error_is_the_exception_that_it_names everywhere;
    an_expected_error_is_caught_by_its_base_class everywhere;
    fields_without_names_are_positional_arguments;
    an_expected_error_may_be_a_builtin_exception everywhere;
    an_error_without_a_module_is_a_remote_error_with_class_and_text everywhere;
    a_class_that_the_module_does_not_have_is_a_remote_error;
    a_client_that_does_not_allow_the_module_gets_a_remote_error;
    an_unexpected_error_tells_nothing_of_the_inside;
    a_server_that_is_told_to_sends_text_and_causes;
    a_panic_is_a_remote_error_and_the_server_goes_on;
    failures_do_not_keep_others_from_being_served;
}
