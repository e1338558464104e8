//! Calls that never reach a method.

use rpc_tests::interop::{Exception, InteropEnv, cases};
use serde_json::{Value, json};

use crate::rust_service::serve;

async fn refused(env: &InteropEnv, method: &str, args: Value) -> Exception {
    serve(env).await;
    let error = env.python().await.call(method, args).await.unwrap_err();
    let sum = env.python().await.call("add", json!({ "a": 1 })).await;
    assert_eq!(sum.unwrap(), 11, "the server goes on");
    error
}

/// Returns a client that rebuilds the exceptions of oslo.messaging itself.
async fn of_the_dispatcher(env: &InteropEnv, namespace: Option<&str>, version: &str) -> Exception {
    serve(env).await;
    let client = env.python_client().await;
    let modules = ["oslo_messaging.rpc.dispatcher"];
    client.connect(env.topic(), env.url(), &modules).await.unwrap();
    let python = client.to(env.topic()).target("namespace", namespace);
    let python = python.target("version", version).with("transport", env.topic());
    python.call("nonesuch", json!({})).await.unwrap_err()
}

async fn an_unknown_method_is_no_such_method(env: InteropEnv) {
    let error = refused(&env, "nonesuch", json!({})).await;
    assert_eq!(error.remote_class(), "NoSuchMethod");
    assert_eq!(error.value, "Endpoint does not support RPC method nonesuch");
}

async fn a_private_method_is_no_such_method(env: InteropEnv) {
    let error = refused(&env, "tell", json!({ "value": 1 })).await;
    assert_eq!(error.remote_class(), "NoSuchMethod");
}

async fn a_rebuilt_no_such_method_reads_as_from_a_python_server(env: InteropEnv) {
    let error = of_the_dispatcher(&env, None, "1.0").await;
    assert_eq!(error.name(), "oslo_messaging.rpc.dispatcher.NoSuchMethod");
    assert_eq!(error.args, ["Endpoint does not support RPC method nonesuch"]);
}

async fn an_unsupported_version_is_said_so(env: InteropEnv) {
    serve(&env).await;
    let python = env.python().await.target("version", "9.0");
    let error = python.call("who", json!({})).await.unwrap_err();
    assert_eq!(error.remote_class(), "UnsupportedVersion");
    let sentence = "Endpoint does not support RPC version 9.0. Attempted method: who";
    assert_eq!(error.value, sentence);
}

async fn a_rebuilt_unsupported_version_reads_as_from_a_python_server(env: InteropEnv) {
    let error = of_the_dispatcher(&env, None, "1.7").await;
    assert_eq!(error.name(), "oslo_messaging.rpc.dispatcher.UnsupportedVersion");
    let sentence = "Endpoint does not support RPC version 1.7. Attempted method: nonesuch";
    assert_eq!(error.args, [sentence]);
}

async fn an_unknown_namespace_is_an_unsupported_version(env: InteropEnv) {
    let error = of_the_dispatcher(&env, Some("nowhere"), "1.0").await;
    assert_eq!(error.name(), "oslo_messaging.rpc.dispatcher.UnsupportedVersion");
}

async fn a_missing_argument_is_a_type_error_that_names_it(env: InteropEnv) {
    let error = refused(&env, "add", json!({ "b": 1 })).await;
    assert_eq!(error.name(), "builtins.TypeError");
    assert!(error.text.contains("`a`"), "{error:?}");
}

async fn an_unknown_argument_is_a_type_error_that_names_it(env: InteropEnv) {
    let error = refused(&env, "add", json!({ "a": 1, "c": 1 })).await;
    assert_eq!(error.name(), "builtins.TypeError");
    assert!(error.text.contains("`c`"), "{error:?}");
}

async fn an_argument_of_another_type_is_a_type_error_that_names_it(env: InteropEnv) {
    let error = refused(&env, "add", json!({ "a": "one" })).await;
    assert_eq!(error.name(), "builtins.TypeError");
    assert!(error.text.contains("`a`"), "{error:?}");
}

async fn casts_that_are_rejected_do_not_disturb_others(env: InteropEnv) {
    let mut seen = serve(&env).await;
    env.python().await.cast("nonesuch", json!({})).await.unwrap();
    env.python().await.cast("record", json!({})).await.unwrap();
    env.python().await.target("version", "9.0").cast("record", json!({})).await.unwrap();
    env.python().await.cast("record", json!({ "value": 1 })).await.unwrap();
    assert_eq!(seen.next().await, ("rust", 1.into()));
}

cases! {
    an_unknown_method_is_no_such_method everywhere;
    a_private_method_is_no_such_method;
    a_rebuilt_no_such_method_reads_as_from_a_python_server everywhere;
    an_unsupported_version_is_said_so everywhere;
    a_rebuilt_unsupported_version_reads_as_from_a_python_server;
    an_unknown_namespace_is_an_unsupported_version everywhere;
    a_missing_argument_is_a_type_error_that_names_it everywhere;
    an_unknown_argument_is_a_type_error_that_names_it;
    an_argument_of_another_type_is_a_type_error_that_names_it;
    casts_that_are_rejected_do_not_disturb_others;
}
