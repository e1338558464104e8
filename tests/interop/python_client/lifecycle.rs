//! Servers that start and stop, and servers in both languages on one topic.

use rpc_core::{Server, Target};
use rpc_tests::interop::{InteropEnv, cases};
use rpc_transport_amqp::AmqpTransport;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::rust_service::Seen;

async fn a_cast_to_a_stopped_server_waits_for_the_next_one(env: InteropEnv) {
    let mut seen = Seen::new();
    let first = env.serve(seen.service("first")).await;
    first.stop();
    first.wait().await.unwrap();
    env.python().await.cast("record", json!({ "value": "a" })).await.unwrap();
    let python = env.python().await.target("server", "rust");
    python.cast("record", json!({ "value": "b" })).await.unwrap();
    env.serve(seen.service("second")).await;
    let both = [("second", "a".to_owned()), ("second", "b".to_owned())];
    assert_eq!(seen.next_sorted(2).await, both);
}

async fn a_server_that_stops_replies_to_what_it_has_received(env: InteropEnv) {
    let mut seen = Seen::new();
    let server = env.serve(seen.service("rust")).await;
    let caller = env.clone();
    let call = tokio::spawn(async move { caller.python().await.call("hold", json!({})).await });
    seen.next().await;
    server.stop();
    seen.release();
    assert_eq!(call.await.unwrap().unwrap(), "released");
    server.wait().await.unwrap();
}

async fn a_server_that_comes_back_under_its_name_is_called_as_before(env: InteropEnv) {
    for round in ["first", "second", "third"] {
        let server = env.serve(Seen::new().service(round)).await;
        let python = env.python().await.target("server", "rust");
        assert_eq!(python.call("who", json!({})).await.unwrap(), round);
        assert_eq!(env.python().await.call("who", json!({})).await.unwrap(), round);
        server.stop();
        server.wait().await.unwrap();
    }
}

async fn no_call_is_lost_while_one_of_two_servers_stops(env: InteropEnv) {
    let seen = Seen::new();
    let leaving = env.start(env.server("one").endpoint(seen.service("one"))).await;
    env.start(env.server("two").endpoint(seen.service("two"))).await;
    let mut calls = JoinSet::new();
    for number in 0..60 {
        let env = env.clone();
        calls.spawn(async move {
            let sum = env.python().await.call("add", json!({ "a": number })).await.unwrap();
            assert_eq!(sum, number + 10);
        });
        if number == 20 {
            leaving.stop();
        }
    }
    calls.join_all().await;
    leaving.wait().await.unwrap();
}

async fn a_server_keeps_the_connection_that_it_was_given(env: InteropEnv) {
    let transport = AmqpTransport::from_url(env.url()).unwrap();
    let server = Server::builder(transport, env.target().server("rust"));
    env.start(server.endpoint(Seen::new().service("rust"))).await;
    assert_eq!(env.python().await.call("who", json!({})).await.unwrap(), "rust");
}

/// Makes `count` calls, and returns which server replied to each.
async fn asked(env: &InteropEnv, count: usize, topic: &str, how: &[(&str, &str)]) -> Vec<Value> {
    let mut calls = JoinSet::new();
    for _ in 0..count {
        let (env, topic) = (env.clone(), topic.to_owned());
        let how: Vec<_> =
            how.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        calls.spawn(async move {
            let client = env.python_client().await;
            let mut python = client.to(&topic);
            for (key, value) in &how {
                python = match &**key {
                    "transport" => python.with("transport", value.as_str()),
                    member => python.target(member, value.as_str()),
                };
            }
            python.call("who", json!({})).await.unwrap()
        });
    }
    calls.join_all().await
}

fn served_both(names: &[Value]) {
    let of = |name: &str| names.iter().filter(|who| *who == name).count();
    assert!(of("rust") > 0 && of("python") > 0, "{names:?}");
    assert_eq!(of("rust") + of("python"), names.len());
}

async fn a_python_server_and_ours_share_a_topic(env: InteropEnv) {
    env.serve(Seen::new().service("rust")).await;
    let python = env.python_server("python").await.start().await.unwrap();
    let names = asked(&env, 30, env.topic(), &[]).await;
    served_both(&names);
    python.stop().await.unwrap();
    let names = asked(&env, 10, env.topic(), &[]).await;
    assert!(names.iter().all(|who| who == "rust"), "{names:?}");
}

async fn ours_joins_the_queues_of_a_python_server(env: InteropEnv) {
    let mut python = env.python_server("python").await.start().await.unwrap();
    let mut seen = Seen::new();
    env.serve(seen.service("rust")).await;
    served_both(&asked(&env, 30, env.topic(), &[]).await);
    env.python().await.fanout("record", json!({ "value": "all" })).await.unwrap();
    assert_eq!(seen.next().await, ("rust", "all".into()));
    assert_eq!(python.ran().await["value"], "all");
    python.stop().await.unwrap();
}

/// Starts servers in both languages on one topic, with options that change its queues, in either order.
async fn shared_with(env: InteropEnv, query: &str) {
    for first in ["python", "rust"] {
        let topic = format!("{}-{first}", env.topic());
        let exchange = "durable";
        let serve_python = async || {
            let server = env.python_server_of(&topic, "python").await.exchange(exchange);
            server.options(query).start().await.unwrap()
        };
        let serve_rust = async || {
            let target = Target::topic(topic.clone()).server("rust").exchange(exchange);
            let server = Server::builder(env.connect(query), target);
            env.start(server.endpoint(Seen::new().service("rust"))).await
        };
        let python = if first == "python" {
            let python = serve_python().await;
            serve_rust().await;
            python
        } else {
            serve_rust().await;
            serve_python().await
        };
        let client = env.python_client().await;
        client.connect(&topic, &env.url_with(query), &[]).await.unwrap();
        let how = [("transport", &*topic), ("exchange", exchange)];
        served_both(&asked(&env, 30, &topic, &how).await);
        python.stop().await.unwrap();
    }
}

async fn a_durable_topic_is_shared_with_a_python_server(env: InteropEnv) {
    shared_with(env, "amqp_durable_queues=true").await;
}

async fn a_quorum_topic_is_shared_with_a_python_server(env: InteropEnv) {
    shared_with(env, "rabbit_quorum_queue=true").await;
}

async fn a_topic_with_all_quorum_options_is_shared_with_a_python_server(env: InteropEnv) {
    let query = "rabbit_quorum_queue=true&rabbit_quorum_delivery_limit=5&rabbit_transient_quorum_queue=true";
    shared_with(env, query).await;
}

async fn a_topic_without_transient_queues_is_shared_with_a_python_server(env: InteropEnv) {
    shared_with(env, "amqp_durable_queues=true&rabbit_transient_quorum_queue=true").await;
}

/// All sides have the stable names of the queue manager, each those of its own process.
async fn a_topic_with_stable_queue_names_is_shared_with_a_python_server(env: InteropEnv) {
    let query = |side: &str| {
        format!("use_queue_manager=true&hostname=node1&processname={}-{side}", env.topic())
    };
    let python = env.python_server("python").await.options(&query("python"));
    let mut python = python.start().await.unwrap();
    let mut seen = Seen::new();
    let server = Server::builder(env.connect(&query("rust")), env.target().server("rust"));
    env.start(server.endpoint(seen.service("rust"))).await;
    let client = env.python_client().await;
    client.connect("stable", &env.url_with(&query("client")), &[]).await.unwrap();
    served_both(&asked(&env, 30, env.topic(), &[("transport", "stable")]).await);
    let to_all = client.to(env.topic()).with("transport", "stable");
    to_all.fanout("record", json!({ "value": "all" })).await.unwrap();
    assert_eq!(seen.next().await, ("rust", "all".into()));
    assert_eq!(python.ran().await["value"], "all");
    for (side, kind) in [("python", "fanout"), ("rust", "fanout"), ("client", "reply")] {
        let queue = match kind {
            "reply" => format!("reply_node1:{}-{side}:", env.topic()),
            _ => format!("{}_fanout_node1:{}-{side}:", env.topic(), env.topic()),
        };
        let queues = env.queues().await;
        assert!(queues.iter().any(|name| name.starts_with(&queue)), "no {queue}: {queues:?}");
    }
    python.stop().await.unwrap();
}

async fn a_durable_server_makes_do_with_what_is_there(env: InteropEnv) {
    // Python programs without options have made an exchange that is not durable, and do not stop at that themselves.
    let python = env.python_server("python").await.start().await.unwrap();
    let transport = env.connect("amqp_durable_queues=true");
    let server = Server::builder(transport, env.target().server("rust"));
    env.start(server.endpoint(Seen::new().service("rust"))).await;
    served_both(&asked(&env, 30, env.topic(), &[]).await);
    python.stop().await.unwrap();
}

cases! {
    a_cast_to_a_stopped_server_waits_for_the_next_one everywhere;
    a_server_that_stops_replies_to_what_it_has_received;
    a_server_that_comes_back_under_its_name_is_called_as_before;
    a_server_keeps_the_connection_that_it_was_given;
    no_call_is_lost_while_one_of_two_servers_stops;
    a_python_server_and_ours_share_a_topic everywhere;
    ours_joins_the_queues_of_a_python_server everywhere;
    a_durable_topic_is_shared_with_a_python_server;
    a_quorum_topic_is_shared_with_a_python_server;
    a_durable_server_makes_do_with_what_is_there;
    a_topic_with_all_quorum_options_is_shared_with_a_python_server durable;
    a_topic_without_transient_queues_is_shared_with_a_python_server durable;
    a_topic_with_stable_queue_names_is_shared_with_a_python_server;
}
