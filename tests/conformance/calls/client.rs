//! Clients: calls, casts, chained settings, typed and untyped.

use std::collections::BTreeMap;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use rpc_core::error::{Ran, TimeoutPhase};
use rpc_core::{CallError, Context, RpcClient, Value, endpoint};
use serde::Serialize;
use tokio::sync::{Notify, Semaphore};

use crate::conformance::harness::{TestEnv, cases};
use crate::conformance::helpers::reporter::{
    ReporterClient, Reports, UNTIL_INVOKED, serial, stop_all,
};

/// An endpoint whose methods end when the case releases them.
struct Barrier {
    began: Arc<Notify>,
    open: Arc<Semaphore>,
    unblock: std::sync::Mutex<Option<mpsc::Receiver<()>>>,
}

#[endpoint]
impl Barrier {
    pub async fn pass(&self, _ctx: &Context, number: u32) -> u32 {
        self.began.notify_one();
        self.open.acquire().await.unwrap().forget();
        number * 2
    }

    #[rpc(blocking)]
    pub fn block(&self, ctx: &Context, word: String) -> Option<String> {
        let unblock = self.unblock.lock().unwrap().take();
        unblock?.recv().ok()?;
        let user = ctx.get("user").and_then(|user| user.as_str().map(str::to_owned));
        Some(format!("{} says {word}", user?))
    }

    pub fn quick(&self, _ctx: &Context) -> bool {
        true
    }
}

fn ctx() -> Context {
    Context::new()
}

fn barrier() -> (Barrier, Arc<Notify>, Arc<Semaphore>, mpsc::Sender<()>) {
    let (began, open) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
    let (send, unblock) = mpsc::channel();
    let unblock = std::sync::Mutex::new(Some(unblock));
    let barrier = Barrier { began: Arc::clone(&began), open: Arc::clone(&open), unblock };
    (barrier, began, open, send)
}

async fn a_call_returns_what_the_method_returns(env: TestEnv) {
    let seen = Reports::new();
    env.serve(seen.reporter("one")).await;
    let client: ReporterClient = env.client();
    assert_eq!(client.tell(&ctx(), "hello".into()).await.unwrap(), "one");
}

async fn a_cast_does_not_wait_for_its_method(env: TestEnv) {
    let (barrier, began, open, _) = barrier();
    env.serve(barrier).await;
    let client: BarrierClient = env.client();
    client.pass(&ctx(), 1).cast().await.unwrap();
    began.notified().await;
    assert_eq!(open.available_permits(), 0, "the method cannot have ended");
    open.add_permits(1);
}

async fn calls_in_flight_each_get_their_own_result(env: TestEnv) {
    let (barrier, _, open, _) = barrier();
    env.serve(barrier).await;
    let client: BarrierClient = env.client();
    let calls: Vec<_> = (0..50)
        .map(|number| {
            tokio::spawn({
                let client = client.clone();
                async move { client.pass(&ctx(), number).await.unwrap() }
            })
        })
        .collect();
    assert!(client.quick(&ctx()).await.unwrap(), "none of them holds up another");
    open.add_permits(50);
    for (number, call) in (0..50).zip(calls) {
        assert_eq!(call.await.unwrap(), number * 2);
    }
}

async fn nothing_is_sent_before_a_call_is_awaited(env: TestEnv) {
    let mut seen = Reports::new();
    let server = env.start(serial(&env, "one").endpoint(seen.reporter("one"))).await;
    let client: ReporterClient = env.client();
    drop(client.tell(&ctx(), "call".into()));
    drop(client.tell(&ctx(), "cast".into()).cast());
    let kept = client.tell(&ctx(), "kept".into());
    client.tell(&ctx(), "awaited".into()).await.unwrap();
    assert_eq!(seen.next().await.1, "awaited");
    kept.await.unwrap();
    stop_all([&server]).await;
    assert_eq!((server.stats().received, seen.next().await.1), (2, "kept".to_owned()));
    assert_eq!(seen.rest(), []);
}

async fn clients_on_different_connections_reach_the_same_server(env: TestEnv) {
    let seen = Reports::new();
    env.serve(seen.reporter("one")).await;
    for _ in 0..3 {
        let client = ReporterClient::new(env.connect().await, env.target());
        assert_eq!(client.tell(&ctx(), "hello".into()).await.unwrap(), "one");
    }
}

#[derive(Serialize)]
struct Word {
    word: &'static str,
}

async fn an_untyped_call_is_the_same_call(env: TestEnv) {
    let mut seen = Reports::new();
    let (barrier, ..) = barrier();
    let server = serial(&env, "one").endpoint(seen.reporter("one")).endpoint(barrier);
    env.start(server).await;
    let client: RpcClient = env.client();
    let name: String = client.call(&ctx(), "tell", &Word { word: "struct" }).await.unwrap();
    assert_eq!((name.as_str(), seen.next().await.1), ("one", "struct".to_owned()));
    let map = BTreeMap::from([("word", "map")]);
    let name: Value = client.call(&ctx(), "tell", &map).await.unwrap();
    assert_eq!((name, seen.next().await.1), (Value::from("one"), "map".to_owned()));
    client.call::<()>(&ctx(), "tell", &Word { word: "cast" }).cast().await.unwrap();
    assert_eq!(seen.next().await.1, "cast");
    assert!(client.call::<bool>(&ctx(), "quick", &()).await.unwrap(), "`()` is no arguments");
    let method = String::from("quick");
    assert!(client.call::<bool>(&ctx(), method, &BTreeMap::<&str, u8>::new()).await.unwrap());
}

async fn preparing_leaves_the_client_as_it_is(env: TestEnv) {
    let mut seen = Reports::new();
    env.start(serial(&env, "one").endpoint(seen.reporter("one"))).await;
    let client: ReporterClient = env.client_of(env.target().server("one"));
    let elsewhere = client.prepare().topic("elsewhere").server("two").fanout(true).build();
    assert_eq!(
        elsewhere.rpc().target().to_string(),
        "<Target topic=elsewhere, server=two, fanout=true>"
    );
    assert_eq!(*client.rpc().target(), env.target().server("one"));
    assert_eq!(client.tell(&ctx(), "hello".into()).await.unwrap(), "one");
    assert_eq!(seen.next().await.1, "hello");
}

async fn prepared_settings_chain(env: TestEnv) {
    let (barrier, _, open, _) = barrier();
    env.start(env.server("two").endpoint(barrier)).await;
    let client: BarrierClient = env.client_of(env.target().server("one"));
    let hasty = client.prepare().timeout(UNTIL_INVOKED).build();
    let two = hasty.prepare().server("two").build();
    assert!(two.quick(&ctx()).await.unwrap());
    let error = two.pass(&ctx(), 1).await.unwrap_err();
    assert!(matches!(error, CallError::Timeout(_)), "the time-out is kept: {error}");
    open.add_permits(1);
}

async fn a_cleared_server_means_any_server_again(env: TestEnv) {
    let seen = Reports::new();
    env.start(serial(&env, "one").endpoint(seen.reporter("one"))).await;
    let client: ReporterClient = env.client_of(env.target().exchange("no").server("two"));
    let any = client.prepare().no_server().no_exchange().build();
    assert_eq!(*any.rpc().target(), env.target());
    assert_eq!(any.tell(&ctx(), "hello".into()).await.unwrap(), "one");
}

async fn one_call_may_go_to_another_server(env: TestEnv) {
    let seen = Reports::new();
    for name in ["one", "two"] {
        env.start(serial(&env, name).endpoint(seen.reporter(name))).await;
    }
    let client: ReporterClient = env.client_of(env.target().server("one"));
    let call = client.tell(&ctx(), "hello".into()).to_server("two");
    assert_eq!(call.await.unwrap(), "two");
    assert_eq!(client.tell(&ctx(), "hello".into()).await.unwrap(), "one");
}

async fn a_call_without_a_reply_in_time_ends_with_its_timeout(env: TestEnv) {
    let (barrier, began, open, _) = barrier();
    env.serve(barrier).await;
    let client: BarrierClient = env.client();
    let hasty = client.prepare().timeout(UNTIL_INVOKED).build();
    for call in [hasty.pass(&ctx(), 1), client.pass(&ctx(), 1).timeout(UNTIL_INVOKED)] {
        let error = call.await.unwrap_err();
        began.notified().await;
        let CallError::Timeout(timeout) = &error else { panic!("{error}") };
        assert_eq!((timeout.phase(), error.ran()), (TimeoutPhase::Reply, Ran::Unknown));
        assert!(timeout.info().elapsed >= UNTIL_INVOKED, "{error}");
        assert!(!error.may_retry());
    }
    open.add_permits(2);
    let patient = hasty.pass(&ctx(), 21).timeout(Duration::from_secs(30));
    open.add_permits(1);
    assert_eq!(patient.await.unwrap(), 42);
}

async fn a_blocking_method_runs_beside_the_others(env: TestEnv) {
    let (barrier, _, _, unblock) = barrier();
    env.serve(barrier).await;
    let client: BarrierClient = env.client();
    let blocked = tokio::spawn({
        let (client, ctx) = (client.clone(), ctx().with("user", "ada"));
        async move { client.block(&ctx, "hello".into()).await.unwrap() }
    });
    assert!(client.quick(&ctx()).await.unwrap());
    unblock.send(()).unwrap();
    assert_eq!(blocked.await.unwrap().as_deref(), Some("ada says hello"));
}

cases! {
    a_call_returns_what_the_method_returns;
    a_cast_does_not_wait_for_its_method;
    calls_in_flight_each_get_their_own_result;
    nothing_is_sent_before_a_call_is_awaited;
    clients_on_different_connections_reach_the_same_server;
    an_untyped_call_is_the_same_call;
    preparing_leaves_the_client_as_it_is;
    prepared_settings_chain;
    a_cleared_server_means_any_server_again;
    one_call_may_go_to_another_server;
    a_call_without_a_reply_in_time_ends_with_its_timeout;
    a_blocking_method_runs_beside_the_others;
}
