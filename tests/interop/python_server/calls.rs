//! Calls, casts and fanouts, and where they go.

use rpc_core::error::{Ran, TransportErrorKind};
use rpc_core::{CallError, Map, RpcClient, Value};
use rpc_tests::interop::{InteropEnv, Serving, cases};
use tokio::task::JoinSet;

use crate::python_service::{PeerClient, called, ctx};

/// Starts servers `one` and `two`.
async fn two_servers(env: &InteropEnv) -> [Serving; 2] {
    let one = env.python_server("one").await.start().await.unwrap();
    [one, env.python_server("two").await.start().await.unwrap()]
}

async fn a_call_returns_what_the_method_returned(env: InteropEnv) {
    let (_python, client) = called(&env).await;
    assert_eq!(client.add(&ctx(), 1, Some(2)).await.unwrap(), 3);
}

async fn an_argument_that_is_left_out_has_python_s_default(env: InteropEnv) {
    let (_python, client) = called(&env).await;
    assert_eq!(client.add(&ctx(), 1, None).await.unwrap(), 11);
}

async fn a_cast_is_run(env: InteropEnv) {
    let (mut python, client) = called(&env).await;
    client.record(&ctx(), "a".into()).cast().await.unwrap();
    let ran = python.ran().await;
    assert_eq!((&ran["method"], &ran["value"]), (&"record".into(), &"a".into()));
    client.who(&ctx()).await.unwrap();
    assert!(python.rest().is_empty());
}

async fn a_fanout_reaches_every_server(env: InteropEnv) {
    let [mut one, mut two] = two_servers(&env).await;
    let client: PeerClient = env.client();
    client.record(&ctx(), "a".into()).fanout().await.unwrap();
    assert_eq!((one.ran().await, two.ran().await), {
        let ran = serde_json::json!({ "event": "ran", "method": "record", "value": "a" });
        (ran.clone(), ran)
    });
}

async fn a_call_to_one_server_reaches_that_one(env: InteropEnv) {
    let _servers = two_servers(&env).await;
    let client: PeerClient = env.client();
    for name in ["two", "one", "two"] {
        assert_eq!(client.who(&ctx()).to_server(name).await.unwrap(), name);
    }
}

async fn a_cast_to_one_server_reaches_that_one(env: InteropEnv) {
    let [mut one, mut two] = two_servers(&env).await;
    let client: PeerClient = env.client();
    for (name, server) in [("two", &mut two), ("one", &mut one)] {
        client.record(&ctx(), name.into()).cast().to_server(name).await.unwrap();
        assert_eq!(server.ran().await["value"], name);
    }
    assert!(one.rest().is_empty() && two.rest().is_empty());
}

async fn a_server_in_another_exchange_is_reached_there(env: InteropEnv) {
    let python = env.python_server("python").await.exchange("elsewhere");
    let _python = python.start().await.unwrap();
    let client: PeerClient = env.client_of(env.target().exchange("elsewhere"));
    assert_eq!(client.who(&ctx()).await.unwrap(), "python");
}

async fn the_control_exchange_of_the_url_is_the_default_one(env: InteropEnv) {
    let python = env.python_server("python").await.exchange("cinder");
    let _python = python.start().await.unwrap();
    let transport = env.connect("control_exchange=cinder");
    let client: PeerClient = RpcClient::new(transport, env.target()).into();
    assert_eq!(client.who(&ctx()).await.unwrap(), "python");
}

async fn servers_of_a_topic_share_its_calls(env: InteropEnv) {
    let _servers = two_servers(&env).await;
    let client: PeerClient = env.client();
    let mut calls = JoinSet::new();
    for _ in 0..20 {
        calls.spawn(client.who(&ctx()).into_future());
    }
    let names: Vec<_> = calls.join_all().await.into_iter().map(Result::unwrap).collect();
    let of = |name: &str| names.iter().filter(|who| *who == name).count();
    assert!(of("one") > 0 && of("two") > 0, "{names:?}");
}

async fn fifty_calls_at_once_each_get_a_reply(env: InteropEnv) {
    let (_python, client) = called(&env).await;
    let mut calls = JoinSet::new();
    for number in 0..50 {
        let client = client.clone();
        calls.spawn(async move {
            assert_eq!(client.add(&ctx(), number, Some(1000)).await.unwrap(), number + 1000);
        });
    }
    calls.join_all().await;
}

async fn a_ping_gets_a_reply(env: InteropEnv) {
    let python = env.python_server("python").await.ping().start().await;
    let _python = python.unwrap();
    let client: RpcClient = env.client_of(env.target().server("python"));
    let pong: String = client.call(&ctx(), "oslo_rpc_server_ping", &Map::new()).await.unwrap();
    assert_eq!(pong, "pong");
}

async fn durable_and_quorum_queues_are_those_of_the_python_server(env: InteropEnv) {
    for query in ["amqp_durable_queues=true", "rabbit_quorum_queue=true"] {
        let topic = format!("{}-{query}", env.topic());
        let python = env.python_server_of(&topic, "python").await.exchange("durable");
        let _python = python.options(query).start().await.unwrap();
        let target = rpc_core::Target::topic(topic).exchange("durable");
        let client: PeerClient = RpcClient::new(env.connect(query), target).into();
        assert_eq!(client.who(&ctx()).await.unwrap(), "python", "{query}");
        client.record(&ctx(), Value::Null).cast().to_server("python").await.unwrap();
    }
}

async fn where_nobody_ever_listened_a_call_fails_at_once(env: InteropEnv) {
    let client: PeerClient = env.client();
    let error = client.who(&ctx()).await.unwrap_err();
    let CallError::Transport(lost) = &error else { panic!("{error}") };
    assert_eq!(lost.kind(), TransportErrorKind::MissingServer);
    assert_eq!((error.ran(), error.may_retry()), (Ran::No, true));
    let (_python, client) = called(&env).await;
    assert_eq!(client.who(&ctx()).await.unwrap(), "python", "until somebody does");
}

cases! {
    a_call_returns_what_the_method_returned everywhere;
    an_argument_that_is_left_out_has_python_s_default everywhere;
    a_cast_is_run everywhere;
    a_fanout_reaches_every_server everywhere;
    a_call_to_one_server_reaches_that_one everywhere;
    a_cast_to_one_server_reaches_that_one;
    a_server_in_another_exchange_is_reached_there everywhere;
    the_control_exchange_of_the_url_is_the_default_one;
    servers_of_a_topic_share_its_calls;
    fifty_calls_at_once_each_get_a_reply everywhere;
    a_ping_gets_a_reply everywhere;
    durable_and_quorum_queues_are_those_of_the_python_server;
    where_nobody_ever_listened_a_call_fails_at_once;
}
