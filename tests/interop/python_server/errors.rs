//! Exceptions, as errors.

use rpc_core::error::{Ran, RemoteError};
use rpc_core::{CallError, DecodeLimits, Map, RpcClient, Value, from_value};
use rpc_tests::interop::{InteropEnv, cases};

use crate::python_service::{
    BadValue, Disturbed, InsufficientFunds, NoAccount, PeerClient, PeerFailExpected,
    PeerFailExpectedExpected, Positional, called, ctx, serve,
};

type Failed = CallError<PeerFailExpected>;

async fn failed(client: &PeerClient, error: &str, args: Vec<Value>, kwargs: Map) -> Failed {
    client.fail(&ctx(), error.to_owned(), args, kwargs).await.unwrap_err()
}

fn kwargs<const N: usize>(entries: [(&str, Value); N]) -> Map {
    entries.map(|(key, value)| (key.to_owned(), value)).into_iter().collect()
}

fn remote(error: &Failed) -> &RemoteError {
    assert_eq!((error.ran(), error.may_retry()), (Ran::Yes, false));
    let CallError::Remote(remote) = error else { panic!("{error:?}") };
    remote
}

async fn an_exception_is_the_error_that_claims_its_class(env: InteropEnv) {
    let (_python, client) = called(&env).await;
    let given = kwargs([("missing", 3.into())]);
    let error = failed(&client, "InsufficientFunds", vec![], given).await;
    assert_eq!((error.ran(), error.may_retry()), (Ran::Yes, false));
    let CallError::Expected(PeerFailExpected::InsufficientFunds(funds)) = error else {
        panic!("{error:?}");
    };
    assert_eq!(funds, InsufficientFunds { missing: 3 });
}

async fn an_exception_that_python_expects_is_the_same(env: InteropEnv) {
    let (_python, client) = called(&env).await;
    let given = kwargs([("account", "ädä".into())]);
    let call = client.fail_expected(&ctx(), "AccountNotFound".into(), vec![], given);
    let error = call.await.unwrap_err();
    let CallError::Expected(PeerFailExpectedExpected::NoAccount(account)) = error else {
        panic!("{error:?}");
    };
    assert_eq!(account, NoAccount { account: "ädä".into() });
}

async fn a_builtin_exception_is_the_error_that_claims_it(env: InteropEnv) {
    let (_python, client) = called(&env).await;
    let error = failed(&client, "ValueError", vec!["boom".into()], Map::new()).await;
    let CallError::Expected(PeerFailExpected::BadValue(value)) = error else {
        panic!("{error:?}");
    };
    assert_eq!(value, BadValue("boom".into()));
}

async fn positional_arguments_are_fields_without_names(env: InteropEnv) {
    let (_python, client) = called(&env).await;
    let error = failed(&client, "Positional", vec![7.into(), "why".into()], Map::new()).await;
    let CallError::Expected(PeerFailExpected::Positional(positional)) = error else {
        panic!("{error:?}");
    };
    assert_eq!(positional, Positional(7, "why".into()));
}

async fn an_exception_without_arguments_is_an_error_without_fields(env: InteropEnv) {
    let (_python, client) = called(&env).await;
    let error = failed(&client, "InterruptedError", vec![], Map::new()).await;
    let CallError::Expected(PeerFailExpected::Disturbed(disturbed)) = error else {
        panic!("{error:?}");
    };
    assert_eq!(disturbed, Disturbed);
}

async fn an_exception_that_nobody_claims_says_what_it_was(env: InteropEnv) {
    let (_python, client) = called(&env).await;
    let error = failed(&client, "ZeroDivisionError", vec!["by zéro".into()], Map::new()).await;
    let remote = remote(&error);
    assert_eq!((remote.class(), remote.module()), ("ZeroDivisionError", Some("builtins")));
    assert_eq!(remote.message(), "by zéro");
    assert!(remote.causes().iter().any(|line| line.contains("server.py")), "{:?}", remote.causes());
}

async fn a_class_of_that_name_in_another_module_is_not_taken_for_it(env: InteropEnv) {
    let (_python, client) = called(&env).await;
    let error = failed(&client, "KeyError", vec!["k".into()], Map::new()).await;
    let remote = remote(&error);
    assert_eq!((remote.class(), remote.module()), ("KeyError", Some("builtins")));
    assert_eq!(remote.message(), "'k'");
}

async fn arguments_that_do_not_fit_leave_a_remote_error(env: InteropEnv) {
    let (_python, client) = called(&env).await;
    let given = kwargs([("missing", "many".into())]);
    let error = failed(&client, "InsufficientFunds", vec!["short".into()], given).await;
    assert_eq!(remote(&error).class(), "InsufficientFunds");
    let error = failed(&client, "ValueError", vec![1.into(), 2.into()], Map::new()).await;
    assert_eq!(remote(&error).class(), "ValueError");
    assert_eq!(remote(&error).message(), "(1, 2)");
}

async fn the_details_of_an_exception_can_be_read(env: InteropEnv) {
    let _python = serve(&env).await;
    let client: RpcClient = env.client();
    let given = kwargs([("missing", 3.into())]);
    let args = kwargs([("error", "InsufficientFunds".into()), ("kwargs", Value::Map(given))]);
    let error = client.call::<Value>(&ctx(), "fail", &args).await.unwrap_err();
    let CallError::Remote(remote) = &error else { panic!("{error:?}") };
    assert_eq!(remote.message(), "3 cents short");
    let details = remote.details().unwrap();
    let value: Value = details.codec().decode(details.bytes(), &DecodeLimits::new()).unwrap();
    let funds: InsufficientFunds = from_value(value).unwrap();
    assert_eq!(funds.missing, 3);
}

async fn wrong_arguments_are_a_type_error_that_names_them(env: InteropEnv) {
    let _python = serve(&env).await;
    let client: RpcClient = env.client();
    let error = client.call::<Value>(&ctx(), "add", &Map::new()).await.unwrap_err();
    let CallError::Remote(remote) = &error else { panic!("{error:?}") };
    assert_eq!((remote.class(), remote.module()), ("TypeError", Some("builtins")));
    assert!(remote.message().contains("'a'"), "{error}");
    let args = kwargs([("a", 1.into()), ("c", 1.into())]);
    let error = client.call::<Value>(&ctx(), "add", &args).await.unwrap_err();
    assert!(error.to_string().contains("'c'"), "{error}");
}

cases! {
    an_exception_is_the_error_that_claims_its_class everywhere;
    an_exception_that_python_expects_is_the_same everywhere;
    a_builtin_exception_is_the_error_that_claims_it everywhere;
    positional_arguments_are_fields_without_names;
    an_exception_without_arguments_is_an_error_without_fields;
    an_exception_that_nobody_claims_says_what_it_was everywhere;
    a_class_of_that_name_in_another_module_is_not_taken_for_it;
    arguments_that_do_not_fit_leave_a_remote_error;
    the_details_of_an_exception_can_be_read;
    wrong_arguments_are_a_type_error_that_names_them;
}
