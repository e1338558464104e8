//! The request context.

use rpc_tests::interop::{InteropEnv, cases};
use serde_json::{Value, json};

use crate::rust_service::serve;

async fn arrived(env: &InteropEnv, ctxt: Value) -> Value {
    serve(env).await;
    env.python().await.ctxt(ctxt).call("context", json!({})).await.unwrap()
}

async fn the_context_arrives_with_its_values(env: InteropEnv) {
    let ctxt = json!({
        "user": "bøb",
        "roles": ["admin", { "nested": [1, 2.5, null, { "deep": true }] }],
        "is_admin": false,
        "project": null,
        "例え": "🦀",
    });
    assert_eq!(arrived(&env, ctxt.clone()).await, ctxt);
}

async fn an_empty_context_arrives_empty(env: InteropEnv) {
    assert_eq!(arrived(&env, json!({})).await, json!({}));
}

async fn odd_names_in_the_context_are_kept(env: InteropEnv) {
    let ctxt = json!({ "": "empty", "with.dots": 1, "_context_": 2, "method": 3, "args": [4] });
    assert_eq!(arrived(&env, ctxt.clone()).await, ctxt);
}

async fn the_context_of_a_cast_arrives(env: InteropEnv) {
    let mut seen = serve(&env).await;
    let python = env.python().await.ctxt(json!({ "user": "bob" }));
    python.cast("record", json!({ "value": "a" })).await.unwrap();
    assert_eq!(seen.next().await, ("rust", "a".into()));
}

async fn a_context_that_cannot_be_read_is_a_failure_that_names_the_entry(env: InteropEnv) {
    serve(&env).await;
    let python = env.python().await.ctxt(json!({ "load": { "$float": "nan" } }));
    let error = python.call("context", json!({})).await.unwrap_err();
    assert_eq!(error.name(), "builtins.ValueError");
    assert!(error.text.contains("`load`"), "{error:?}");
}

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

async fn the_trace_goes_on_in_the_method(env: InteropEnv) {
    serve(&env).await;
    let ctxt = json!({ "traceparent": PARENT, "tracestate": "vendor=1", "user": "bob" });
    let python = env.python().await;
    let trace = python.ctxt(ctxt.clone()).call("trace", json!({})).await.unwrap();
    let (parent, state) = (trace[0].as_str().unwrap(), &trace[1]);
    assert_eq!(&parent[..35], &PARENT[..35], "the same trace");
    assert_eq!(state, "vendor=1");
    let entries = env.python().await.ctxt(ctxt).call("context", json!({})).await.unwrap();
    assert_eq!(entries, json!({ "user": "bob" }));
}

async fn a_trace_that_is_none_is_an_entry_like_others(env: InteropEnv) {
    let ctxt = json!({ "traceparent": "yesterday", "tracestate": "vendor=1" });
    assert_eq!(arrived(&env, ctxt.clone()).await, ctxt);
    assert_eq!(env.python().await.ctxt(ctxt).call("trace", json!({})).await.unwrap(), json!(null));
}

cases! {
    the_context_arrives_with_its_values everywhere;
    an_empty_context_arrives_empty;
    odd_names_in_the_context_are_kept;
    the_context_of_a_cast_arrives;
    a_context_that_cannot_be_read_is_a_failure_that_names_the_entry;
    the_trace_goes_on_in_the_method everywhere;
    a_trace_that_is_none_is_an_entry_like_others;
}
