//! Calls, casts and fanouts, and where they go.

use rpc_core::Ping;
use rpc_core::{Server, Target};
use rpc_tests::interop::{InteropEnv, cases};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::rust_service::{Seen, serve, serve_in_order};

/// Starts servers `one` and `two`.
async fn two_servers(env: &InteropEnv) -> Seen {
    let seen = Seen::new();
    for name in ["one", "two"] {
        env.start(env.server(name).endpoint(seen.service(name))).await;
    }
    seen
}

async fn a_call_returns_what_the_method_returned(env: InteropEnv) {
    serve(&env).await;
    let sum = env.python().await.call("add", json!({ "a": 1, "b": 2 })).await.unwrap();
    assert_eq!(sum, 3);
}

async fn an_argument_that_is_left_out_has_its_default(env: InteropEnv) {
    serve(&env).await;
    let sum = env.python().await.call("add", json!({ "a": 1 })).await.unwrap();
    assert_eq!(sum, 11);
    let sum = env.python().await.call("add", json!({ "a": 1, "b": null })).await.unwrap();
    assert_eq!(sum, 11, "so has one that is none");
}

async fn a_cast_is_run_once(env: InteropEnv) {
    let mut seen = serve_in_order(&env).await;
    env.python().await.cast("record", json!({ "value": "a" })).await.unwrap();
    env.python().await.call("nothing", json!({})).await.unwrap();
    assert_eq!(seen.next().await, ("rust", "a".into()));
    assert!(seen.rest().is_empty());
}

async fn a_fanout_reaches_every_server(env: InteropEnv) {
    let mut seen = two_servers(&env).await;
    env.python().await.fanout("record", json!({ "value": "a" })).await.unwrap();
    let both = [("one", "a".to_owned()), ("two", "a".to_owned())];
    assert_eq!(seen.next_sorted(2).await, both);
}

async fn a_call_to_one_server_reaches_that_one(env: InteropEnv) {
    two_servers(&env).await;
    for name in ["two", "one", "two"] {
        let who = env.python().await.target("server", name).call("who", json!({})).await;
        assert_eq!(who.unwrap(), name);
    }
}

async fn a_client_that_was_prepared_for_a_server_calls_it(env: InteropEnv) {
    two_servers(&env).await;
    for name in ["two", "one"] {
        let python = env.python().await.prepare(json!({ "server": name, "timeout": 20 }));
        assert_eq!(python.call("who", json!({})).await.unwrap(), name);
    }
}

async fn a_cast_to_one_server_reaches_that_one(env: InteropEnv) {
    let mut seen = two_servers(&env).await;
    for name in ["two", "one"] {
        let python = env.python().await.target("server", name);
        python.cast("record", json!({ "value": name })).await.unwrap();
        assert_eq!(seen.next().await, (name, name.into()));
    }
    assert!(seen.rest().is_empty());
}

async fn servers_of_a_topic_share_its_calls(env: InteropEnv) {
    two_servers(&env).await;
    let mut calls = JoinSet::new();
    for _ in 0..20 {
        let env = env.clone();
        calls.spawn(async move { env.python().await.call("who", json!({})).await.unwrap() });
    }
    let names = calls.join_all().await;
    let of = |name: &str| names.iter().filter(|who| *who == name).count();
    assert!(of("one") > 0 && of("two") > 0, "{names:?}");
    assert_eq!(of("one") + of("two"), 20);
}

async fn fifty_calls_at_once_each_get_a_reply(env: InteropEnv) {
    serve(&env).await;
    let mut calls = JoinSet::new();
    for number in 0..50 {
        let env = env.clone();
        calls.spawn(async move {
            let python = env.python().await;
            let sum = python.call("add", json!({ "a": number, "b": 1000 })).await.unwrap();
            assert_eq!(sum, number + 1000);
        });
    }
    calls.join_all().await;
}

async fn a_server_in_another_exchange_is_reached_there_only(env: InteropEnv) {
    let target = env.target().server("rust").exchange("elsewhere");
    let server = Server::builder(env.server_transport(), target);
    env.start(server.endpoint(Seen::new().service("rust"))).await;
    let python = env.python().await.target("exchange", "elsewhere");
    assert_eq!(python.call("who", json!({})).await.unwrap(), "rust");
    let python = env.python().await.with("timeout", 1);
    let error = python.call("who", json!({})).await.unwrap_err();
    assert_eq!(error.class, "MessagingTimeout", "nobody is there");
}

async fn the_control_exchange_of_the_url_is_the_default_one(env: InteropEnv) {
    let seen = Seen::new();
    let transport = env.connect("control_exchange=neutron");
    let server = Server::builder(transport.clone(), env.target().server("rust"));
    env.start(server.endpoint(seen.service("rust"))).await;
    let python = env.python().await.target("exchange", "neutron");
    assert_eq!(python.call("who", json!({})).await.unwrap(), "rust");
}

async fn topics_of_several_exchanges_have_their_fanout_in_common(env: InteropEnv) {
    let mut seen = Seen::new();
    for (name, exchange) in [("one", "first"), ("two", "second")] {
        let target = env.target().server(name).exchange(exchange);
        let server = Server::builder(env.server_transport(), target);
        env.start(server.endpoint(seen.service(name))).await;
    }
    let python = env.python().await.target("exchange", "first");
    python.fanout("record", json!({ "value": "a" })).await.unwrap();
    let both = [("one", "a".to_owned()), ("two", "a".to_owned())];
    assert_eq!(seen.next_sorted(2).await, both, "as between Python programs");
}

async fn a_ping_to_a_server_gets_a_reply(env: InteropEnv) {
    let server = env.server("rust").endpoint(Seen::new().service("rust")).endpoint(Ping);
    env.start(server).await;
    let ping = async |args: Value| {
        let python = env.python().await.target("server", "rust");
        python.call("oslo_rpc_server_ping", args).await.unwrap()
    };
    assert_eq!(ping(json!({})).await, "pong");
    assert_eq!(ping(json!({ "anything": 1 })).await, "pong");
}

async fn durable_and_quorum_queues_are_those_of_the_python_client(env: InteropEnv) {
    for (query, topic) in [("amqp_durable_queues=true", "d"), ("rabbit_quorum_queue=true", "q")] {
        let seen = Seen::new();
        // Exchanges are durable or not, too.
        let target = Target::topic(format!("{}-{topic}", env.topic())).exchange("durable");
        let server = Server::builder(env.connect(query), target.clone().server("rust"));
        env.start(server.endpoint(seen.service("rust"))).await;
        let client = env.python_client().await;
        client.connect(query, &env.url_with(query), &[]).await.unwrap();
        let python = client.to(&format!("{}-{topic}", env.topic())).target("exchange", "durable");
        let answer = python.with("transport", query).call("who", json!({})).await;
        assert_eq!(answer.unwrap(), "rust", "{query}");
    }
}

cases! {
    a_call_returns_what_the_method_returned everywhere;
    an_argument_that_is_left_out_has_its_default everywhere;
    a_cast_is_run_once everywhere;
    a_fanout_reaches_every_server everywhere;
    a_call_to_one_server_reaches_that_one everywhere;
    a_client_that_was_prepared_for_a_server_calls_it;
    a_cast_to_one_server_reaches_that_one everywhere;
    servers_of_a_topic_share_its_calls;
    fifty_calls_at_once_each_get_a_reply everywhere;
    a_server_in_another_exchange_is_reached_there_only everywhere;
    the_control_exchange_of_the_url_is_the_default_one;
    topics_of_several_exchanges_have_their_fanout_in_common;
    a_ping_to_a_server_gets_a_reply;
    durable_and_quorum_queues_are_those_of_the_python_client;
}
