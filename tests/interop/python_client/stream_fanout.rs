//! Fanouts over the stream that servers in both languages read, with the options that OpenStack recommends.

use std::sync::Arc;

use rpc_core::{Context, RpcClient, RunningServer, Server};
use rpc_tests::interop::{InteropEnv, Serving, cases};
use serde_json::{Value, json};

use crate::rust_service::{Seen, ServiceClient};

/// The options of one side. Each has the stable names of its own process.
fn options(env: &InteropEnv, side: &str) -> String {
    format!(
        "use_queue_manager=true&hostname=node1&processname={}-{side}&rabbit_quorum_queue=true\
         &rabbit_transient_quorum_queue=true&rabbit_stream_fanout=true&rabbit_qos_prefetch_count=7\
         &rabbit_transient_queues_ttl=1800",
        env.topic()
    )
}

/// Durable, unlike the exchange that Python programs without options have made.
const EXCHANGE: &str = "durable";

async fn serve_python(env: &InteropEnv, name: &str) -> Serving {
    let server = env.python_server(name).await.exchange(EXCHANGE);
    server.options(&options(env, name)).start().await.unwrap()
}

async fn serve_rust(env: &InteropEnv, seen: &Seen, name: &'static str) -> Arc<RunningServer> {
    let server = Server::builder(
        env.connect(&options(env, name)),
        env.target().server(name).exchange(EXCHANGE),
    );
    env.start(server.endpoint(seen.service(name))).await
}

/// The topic's and the servers' queues are shared as well, so calls go to servers in both languages.
async fn fanouts_of_both_languages_reach_servers_of_both_over_one_stream(env: InteropEnv) {
    let mut python = [serve_python(&env, "python1").await, serve_python(&env, "python2").await];
    let mut seen = [Seen::new(), Seen::new()];
    serve_rust(&env, &seen[0], "rust1").await;
    serve_rust(&env, &seen[1], "rust2").await;
    let client = env.python_client().await;
    client.connect("stream", &env.url_with(&options(&env, "caller")), &[]).await.unwrap();
    let from_python =
        client.to(env.topic()).with("transport", "stream").target("exchange", EXCHANGE);
    let rust = env.connect(&options(&env, "rust-caller"));
    let from_rust = ServiceClient::from(RpcClient::new(rust, env.target().exchange(EXCHANGE)));
    let ctx = Context::new();
    for number in 0..5 {
        let value = format!("python {number}");
        from_python.clone().fanout("record", json!({ "value": value })).await.unwrap();
        from_rust.record(&ctx, format!("rust {number}").into()).fanout().await.unwrap();
    }
    let of = |sender: &str| (0..5).map(|number| format!("{sender} {number}")).collect::<Vec<_>>();
    let expected = [of("python"), of("rust")].concat();
    for server in &mut python {
        let mut values = Vec::new();
        for _ in 0..10 {
            values.push(server.ran().await["value"].as_str().unwrap().to_owned());
        }
        values.sort();
        assert_eq!(values, expected);
        assert_eq!(server.rest(), Vec::<Value>::new());
    }
    for (seen, name) in seen.iter_mut().zip(["rust1", "rust2"]) {
        let values = seen.next_sorted(10).await;
        assert_eq!(values, expected.iter().map(|it| (name, it.clone())).collect::<Vec<_>>());
        assert_eq!(seen.rest(), []);
    }
    for name in ["python1", "python2", "rust1", "rust2"] {
        let who = from_python.clone().target("server", name).call("who", json!({})).await.unwrap();
        assert!(name.starts_with(who.as_str().unwrap()), "{name} {who}");
        let who = from_rust.who(&ctx).to_server(name).await.unwrap();
        assert!(name.starts_with(&who), "{name} {who}");
    }
    let queues = env.queues().await;
    let fanout = format!("{}_fanout", env.topic());
    let fanouts: Vec<_> = queues.iter().filter(|name| name.starts_with(&fanout)).collect();
    assert_eq!(fanouts, [&fanout], "{queues:?}");
    for server in python {
        server.stop().await.unwrap();
    }
}

/// Whoever comes first declares the stream; whoever goes leaves it to the others.
async fn a_stream_stays_when_servers_of_either_language_come_and_go(env: InteropEnv) {
    let mut seen = Seen::new();
    let first = serve_rust(&env, &seen, "rust1").await;
    let mut python = serve_python(&env, "python1").await;
    let client = env.python_client().await;
    client.connect("going", &env.url_with(&options(&env, "caller")), &[]).await.unwrap();
    let all = client.to(env.topic()).with("transport", "going").target("exchange", EXCHANGE);
    let tell_all = async |value: &str| {
        all.clone().fanout("record", json!({ "value": value })).await.unwrap();
    };
    tell_all("a").await;
    assert_eq!(
        (seen.next().await, python.ran().await["value"].clone()),
        (("rust1", "a".into()), "a".into())
    );
    first.stop();
    first.wait().await.unwrap();
    tell_all("b").await;
    assert_eq!(python.ran().await["value"], "b");
    // A server in Rust does not run what came before its start.
    serve_rust(&env, &seen, "rust2").await;
    python.stop().await.unwrap();
    tell_all("c").await;
    assert_eq!(seen.next().await, ("rust2", "c".into()));
    assert_eq!(seen.rest(), []);
    assert_eq!(python.rest(), Vec::<Value>::new());
}

cases! {
    fanouts_of_both_languages_reach_servers_of_both_over_one_stream durable;
    a_stream_stays_when_servers_of_either_language_come_and_go durable;
}
