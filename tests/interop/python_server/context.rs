//! The request context.

use rpc_core::{Context, Map, TraceContext, Value};
use rpc_tests::interop::{InteropEnv, cases};

use crate::python_service::called;

/// Returns the context that a Python method gets, without the entries that the library adds.
async fn arrived(env: &InteropEnv, ctx: Context) -> Map {
    let (_python, client) = called(env).await;
    let mut entries = client.context(&ctx).await.unwrap();
    entries.remove("client_timeout");
    entries
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Map {
    entries.map(|(key, value)| (key.to_owned(), value)).into_iter().collect()
}

async fn the_context_arrives_with_its_values(env: InteropEnv) {
    let nested = Value::Map(map([("deep", vec![Value::from(1), 2.5.into(), Value::Null].into())]));
    let entries = [
        ("user", "bøb".into()),
        ("roles", vec![Value::from("admin"), nested].into()),
        ("is_admin", false.into()),
        ("project", Value::Null),
        ("例え", "🦀".into()),
        ("with.dots", 1.into()),
        ("", "empty".into()),
    ];
    let ctx = Context::new().with_entries(map(entries.clone()).into_iter().collect());
    assert_eq!(arrived(&env, ctx).await, map(entries));
}

async fn an_empty_context_arrives_empty(env: InteropEnv) {
    assert_eq!(arrived(&env, Context::new()).await, Map::new());
}

async fn the_trace_arrives_as_python_knows_it(env: InteropEnv) {
    let trace = TraceContext::root().with_trace_state("vendor=1");
    let ctx = Context::new().with("user", "bob").with_trace(trace.clone());
    let entries = arrived(&env, ctx).await;
    let parent = entries.get("traceparent").and_then(Value::as_str).unwrap();
    assert_eq!(parent[..35], trace.to_string()[..35], "the same trace");
    assert_eq!(entries.get("tracestate"), Some(&"vendor=1".into()));
    assert_eq!(entries.get("user"), Some(&"bob".into()));
}

cases! {
    the_context_arrives_with_its_values everywhere;
    an_empty_context_arrives_empty;
    the_trace_arrives_as_python_knows_it everywhere;
}
