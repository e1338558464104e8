//! The request context: what travels in it, and what a method learns about its call.

use std::collections::BTreeMap;
use std::time::Duration;

use rpc_core::{CallError, Context, RpcClient, TraceContext, Value, endpoint};
use tokio::sync::mpsc;

use crate::conformance::harness::{TestEnv, cases};

/// What a method knows about its call.
#[derive(Debug)]
struct Facts {
    entries: BTreeMap<String, Value>,
    id: Option<String>,
    remaining: Option<Duration>,
    trace: Option<TraceContext>,
}

/// An endpoint that reports its facts to the case, and calls another server if it has a client.
struct Observer {
    facts: mpsc::UnboundedSender<Facts>,
    next: Option<RpcClient>,
}

#[endpoint]
impl Observer {
    pub async fn observe(&self, ctx: &Context) -> Result<String, CallError> {
        let entries = ctx.entries().iter().map(|(key, value)| (key.to_owned(), value.clone()));
        let facts = Facts {
            entries: entries.collect(),
            id: ctx.message_id().map(|id| id.to_string()),
            remaining: ctx.remaining(),
            trace: ctx.trace().cloned(),
        };
        // The case may have ended without looking.
        let _ = self.facts.send(facts);
        match &self.next {
            Some(next) => next.call(&ctx.clone().with("hop", 2), "observe", &()).await,
            None => Ok("the end".to_owned()),
        }
    }
}

async fn observer(env: &TestEnv) -> (ObserverClient, mpsc::UnboundedReceiver<Facts>) {
    let (facts, observed) = mpsc::unbounded_channel();
    env.serve(Observer { facts, next: None }).await;
    (env.client(), observed)
}

/// Starts two servers, of which the first calls the second through the client that `next` returns.
async fn chain(
    env: &TestEnv,
    next: impl FnOnce(RpcClient) -> RpcClient,
) -> (ObserverClient, mpsc::UnboundedReceiver<Facts>) {
    let (facts, observed) = mpsc::unbounded_channel();
    let second = env.client_of(env.target().server("two"));
    let one = Observer { facts: facts.clone(), next: Some(next(second)) };
    env.start(env.server("one").endpoint(one)).await;
    env.start(env.server("two").endpoint(Observer { facts, next: None })).await;
    (env.client_of(env.target().server("one")), observed)
}

async fn entries_travel_as_they_are_and_nothing_is_added(env: TestEnv) {
    let (client, mut observed) = observer(&env).await;
    let nested: Value = vec![Value::from(1), Value::from("two"), Value::Null].into();
    let ctx = Context::new()
        .with("user", "ada")
        .with("ünïcödé key", "ünïcödé value")
        .with("number", -7)
        .with("large", u64::MAX)
        .with("float", 0.5)
        .with("flag", true)
        .with("nothing", Value::Null)
        .with("nested", nested);
    client.observe(&ctx).await.unwrap();
    let sent: BTreeMap<_, _> =
        ctx.entries().iter().map(|(key, value)| (key.to_owned(), value.clone())).collect();
    assert_eq!(observed.recv().await.unwrap().entries, sent);
    client.observe(&Context::new()).await.unwrap();
    assert_eq!(observed.recv().await.unwrap().entries, BTreeMap::new());
}

async fn an_entry_that_is_taken_out_does_not_travel(env: TestEnv) {
    let (client, mut observed) = observer(&env).await;
    let ctx = Context::new().with("token", "secret").with("user", "ada");
    client.observe(&ctx.clone().without("token")).await.unwrap();
    let entries = observed.recv().await.unwrap().entries;
    assert_eq!(entries.keys().collect::<Vec<_>>(), ["user"]);
    assert_eq!(ctx.entries().len(), 2, "the caller's own is as it was");
    assert!(!format!("{ctx:?}").contains("secret"), "a printed context keeps its values");
}

async fn every_call_has_an_id_of_its_own_that_the_method_can_read(env: TestEnv) {
    let (client, mut observed) = observer(&env).await;
    let ctx = Context::new();
    assert_eq!(ctx.message_id(), None);
    client.observe(&ctx).await.unwrap();
    client.observe(&ctx).await.unwrap();
    let (first, second) = (observed.recv().await.unwrap().id, observed.recv().await.unwrap().id);
    assert!(first.is_some() && second.is_some() && first != second, "{first:?} {second:?}");
    assert_eq!(first.map(|id| id.len()), Some(32));
}

async fn a_nested_call_may_have_less_time_than_is_left(env: TestEnv) {
    let hasty = |client: RpcClient| client.prepare().timeout(Duration::from_secs(10)).build();
    let (client, mut observed) = chain(&env, hasty).await;
    client.observe(&Context::new()).timeout(Duration::from_secs(50)).await.unwrap();
    let outer = observed.recv().await.unwrap().remaining.unwrap();
    let inner = observed.recv().await.unwrap().remaining.unwrap();
    assert!(inner <= Duration::from_secs(10) && outer > Duration::from_secs(10), "{inner:?}");
}

async fn a_received_context_passes_its_entries_on(env: TestEnv) {
    let (client, mut observed) = chain(&env, |client| client).await;
    client.observe(&Context::new().with("user", "ada")).await.unwrap();
    let (outer, inner) = (observed.recv().await.unwrap(), observed.recv().await.unwrap());
    assert_eq!(outer.entries.keys().collect::<Vec<_>>(), ["user"]);
    assert_eq!(inner.entries.keys().collect::<Vec<_>>(), ["hop", "user"]);
    assert_ne!(outer.id, inner.id, "another message");
}

async fn a_context_with_a_timeout_bounds_all_calls_made_with_it_together(env: TestEnv) {
    let (client, mut observed) = observer(&env).await;
    let ctx = Context::new().with_timeout(Duration::from_secs(30));
    client.observe(&ctx).await.unwrap();
    let first = observed.recv().await.unwrap().remaining.unwrap();
    assert!(first <= Duration::from_secs(30), "{first:?}");
    client.observe(&ctx).await.unwrap();
    let second = observed.recv().await.unwrap().remaining.unwrap();
    assert!(second <= first, "{second:?} after {first:?}");
    let late = ctx.with_timeout(Duration::ZERO);
    assert!(client.observe(&late).await.unwrap_err().is_timeout());
}

async fn a_trace_from_elsewhere_travels_in_a_context(env: TestEnv) {
    let (client, mut observed) = observer(&env).await;
    let trace: TraceContext =
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().unwrap();
    client.observe(&Context::new().with_trace(trace.clone())).await.unwrap();
    let seen = observed.recv().await.unwrap().trace.unwrap();
    assert_eq!(seen.trace_id(), trace.trace_id());
}

async fn a_detached_context_keeps_entries_and_trace_and_nothing_else(env: TestEnv) {
    let (client, mut observed) = observer(&env).await;
    let trace: TraceContext =
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().unwrap();
    let ctx =
        Context::new().with("user", "ada").with_trace(trace.clone()).with_timeout(Duration::ZERO);
    client.observe(&ctx.detached()).await.unwrap();
    let facts = observed.recv().await.unwrap();
    assert_eq!(facts.entries.keys().collect::<Vec<_>>(), ["user"]);
    assert_eq!(facts.trace.unwrap().trace_id(), trace.trace_id());
    assert!(facts.remaining > Some(Duration::from_secs(1)), "the client's own time-out");
}

cases! {
    entries_travel_as_they_are_and_nothing_is_added;
    an_entry_that_is_taken_out_does_not_travel;
    every_call_has_an_id_of_its_own_that_the_method_can_read;
    a_nested_call_may_have_less_time_than_is_left;
    a_received_context_passes_its_entries_on;
    a_context_with_a_timeout_bounds_all_calls_made_with_it_together;
    a_trace_from_elsewhere_travels_in_a_context;
    a_detached_context_keeps_entries_and_trace_and_nothing_else;
}
