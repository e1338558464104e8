//! Routing: to any server of a topic, to one of them, to all of them.

use std::collections::BTreeSet;

use rpc_core::{Context, Server, Target};

use crate::conformance::harness::{TestEnv, cases};
use crate::conformance::helpers::reporter::{ReporterClient, Reports, serial, stop_all};

fn ctx() -> Context {
    Context::new()
}

/// Starts servers `one` and `two` of the case's topic.
async fn two_servers(
    env: &TestEnv,
    seen: &Reports,
) -> [std::sync::Arc<rpc_core::RunningServer>; 2] {
    let one = env.start(serial(env, "one").endpoint(seen.reporter("one"))).await;
    let two = env.start(serial(env, "two").endpoint(seen.reporter("two"))).await;
    [one, two]
}

async fn a_call_runs_on_exactly_one_server_of_its_topic(env: TestEnv) {
    let mut seen = Reports::new();
    let servers = two_servers(&env, &seen).await;
    let client: ReporterClient = env.client();
    for number in 0..10 {
        let answered = client.tell(&ctx(), number.to_string()).await.unwrap();
        let (server, word) = seen.next().await;
        assert_eq!((server, word), (answered.as_str(), number.to_string()));
    }
    stop_all(&servers).await;
    assert_eq!(seen.rest(), []);
}

async fn servers_of_a_topic_share_its_calls(env: TestEnv) {
    let seen = Reports::new();
    two_servers(&env, &seen).await;
    let client: ReporterClient = env.client();
    let mut answered = BTreeSet::new();
    for _ in 0..20 {
        answered.insert(client.tell(&ctx(), "hello".into()).await.unwrap());
    }
    assert_eq!(answered, BTreeSet::from(["one".to_owned(), "two".to_owned()]));
}

async fn a_call_to_a_server_runs_on_that_server_only(env: TestEnv) {
    let mut seen = Reports::new();
    let servers = two_servers(&env, &seen).await;
    let two: ReporterClient = env.client_of(env.target().server("two"));
    for number in 0..6 {
        assert_eq!(two.tell(&ctx(), number.to_string()).await.unwrap(), "two");
    }
    stop_all(&servers).await;
    assert!(seen.rest().iter().all(|(server, _)| *server == "two"));
}

async fn a_cast_to_a_server_runs_on_that_server_only(env: TestEnv) {
    let mut seen = Reports::new();
    let servers = two_servers(&env, &seen).await;
    let client: ReporterClient = env.client();
    for number in 0..6 {
        client.tell(&ctx(), number.to_string()).cast().to_server("two").await.unwrap();
    }
    for _ in 0..6 {
        assert_eq!(seen.next().await.0, "two");
    }
    stop_all(&servers).await;
    assert_eq!(seen.rest(), []);
}

async fn a_fanout_runs_once_on_every_server_of_the_topic(env: TestEnv) {
    let mut seen = Reports::new();
    let mut servers = Vec::new();
    for name in ["one", "three", "two"] {
        servers.push(env.start(serial(&env, name).endpoint(seen.reporter(name))).await);
    }
    let client: ReporterClient = env.client();
    client.tell(&ctx(), "all".into()).fanout().await.unwrap();
    let all = |name| (name, "all".to_owned());
    assert_eq!(seen.next_sorted(3).await, ["one", "three", "two"].map(all));
    stop_all(&servers).await;
    assert_eq!(seen.rest(), []);
}

async fn a_fanout_reaches_two_servers_of_one_name(env: TestEnv) {
    let mut seen = Reports::new();
    let first = env.start(serial(&env, "one").endpoint(seen.reporter("first"))).await;
    let second = env.start(serial(&env, "one").endpoint(seen.reporter("second"))).await;
    let client: ReporterClient = env.client();
    client.tell(&ctx(), "all".into()).fanout().await.unwrap();
    let all = |name| (name, "all".to_owned());
    assert_eq!(seen.next_sorted(2).await, ["first", "second"].map(all));
    stop_all([&first, &second]).await;
    assert_eq!(seen.rest(), []);
}

async fn a_fanout_reaches_the_topic_in_every_exchange(env: TestEnv) {
    let mut seen = Reports::new();
    let elsewhere = env.target().exchange("elsewhere").server("two");
    let here = env.start(serial(&env, "one").endpoint(seen.reporter("here"))).await;
    let there = Server::builder(env.server_transport(), elsewhere).endpoint(seen.reporter("there"));
    let there = env.start(there).await;
    let client: ReporterClient = env.client();
    client.tell(&ctx(), "all".into()).fanout().await.unwrap();
    let all = |name| (name, "all".to_owned());
    assert_eq!(seen.next_sorted(2).await, ["here", "there"].map(all));
    stop_all([&here, &there]).await;
    assert_eq!(seen.rest(), []);
}

async fn a_fanout_ignores_the_server_of_the_target(env: TestEnv) {
    let mut seen = Reports::new();
    two_servers(&env, &seen).await;
    let client: ReporterClient = env.client_of(env.target().server("two").fanout(true));
    client.tell(&ctx(), "all".into()).cast().await.unwrap();
    let all = |name| (name, "all".to_owned());
    assert_eq!(seen.next_sorted(2).await, ["one", "two"].map(all));
}

async fn a_server_that_starts_later_is_not_told_of_an_earlier_fanout(env: TestEnv) {
    let mut seen = Reports::new();
    let early = env.start(serial(&env, "early").endpoint(seen.reporter("early"))).await;
    let client: ReporterClient = env.client();
    client.tell(&ctx(), "before".into()).fanout().await.unwrap();
    assert_eq!(seen.next().await, ("early", "before".to_owned()));
    let late = env.start(serial(&env, "late").endpoint(seen.reporter("late"))).await;
    client.tell(&ctx(), "after".into()).fanout().await.unwrap();
    let after = |name| (name, "after".to_owned());
    assert_eq!(seen.next_sorted(2).await, ["early", "late"].map(after));
    stop_all([&early, &late]).await;
    assert_eq!(seen.rest(), []);
}

async fn topics_do_not_reach_each_other(env: TestEnv) {
    let mut seen = Reports::new();
    let (red, blue) = (env.unique_name(), env.unique_name());
    let mut servers = Vec::new();
    for (topic, name) in [(&red, "red"), (&blue, "blue")] {
        let target = Target::topic(topic.clone()).server("one");
        let server = Server::builder(env.server_transport(), target).endpoint(seen.reporter(name));
        servers.push(env.start(server).await);
    }
    let client: ReporterClient = env.client_of(Target::topic(blue));
    assert_eq!(client.tell(&ctx(), "call".into()).await.unwrap(), "blue");
    client.tell(&ctx(), "cast".into()).cast().await.unwrap();
    client.tell(&ctx(), "fanout".into()).fanout().await.unwrap();
    let blue = |word: &str| ("blue", word.to_owned());
    assert_eq!(seen.next_sorted(3).await, ["call", "cast", "fanout"].map(blue));
    stop_all(&servers).await;
    assert_eq!(seen.rest(), []);
}

async fn exchanges_keep_topics_of_one_name_apart(env: TestEnv) {
    let seen = Reports::new();
    env.start(serial(&env, "one").endpoint(seen.reporter("default"))).await;
    for (exchange, name) in [("red", "red"), ("blue", "blue")] {
        let target = env.target().exchange(exchange).server("one");
        let server = Server::builder(env.server_transport(), target).endpoint(seen.reporter(name));
        env.start(server).await;
    }
    let client: ReporterClient = env.client();
    for _ in 0..4 {
        assert_eq!(client.tell(&ctx(), "hello".into()).await.unwrap(), "default");
        for exchange in ["red", "blue"] {
            let client = client.prepare().exchange(exchange).build();
            assert_eq!(client.tell(&ctx(), "hello".into()).await.unwrap(), exchange);
            let client = client.prepare().server("one").build();
            assert_eq!(client.tell(&ctx(), "hello".into()).await.unwrap(), exchange);
        }
    }
}

async fn servers_of_one_name_share_what_is_sent_to_it(env: TestEnv) {
    let seen = Reports::new();
    env.start(serial(&env, "one").endpoint(seen.reporter("first"))).await;
    env.start(serial(&env, "one").endpoint(seen.reporter("second"))).await;
    let client: ReporterClient = env.client_of(env.target().server("one"));
    let mut answered = BTreeSet::new();
    for _ in 0..20 {
        answered.insert(client.tell(&ctx(), "hello".into()).await.unwrap());
    }
    assert_eq!(answered, BTreeSet::from(["first".to_owned(), "second".to_owned()]));
}

async fn names_may_hold_dots_blanks_and_any_letters(env: TestEnv) {
    let seen = Reports::new();
    let topic = format!("{}.compute node №1.ü", env.unique_name());
    let target = Target::topic(topic).exchange("nova.cells v2");
    let server = Server::builder(env.server_transport(), target.clone().server("host-1.例え.org"));
    env.start(server.endpoint(seen.reporter("there"))).await;
    let client: ReporterClient = env.client_of(target);
    assert_eq!(client.tell(&ctx(), "any".into()).await.unwrap(), "there");
    let call = client.tell(&ctx(), "direct".into()).to_server("host-1.例え.org");
    assert_eq!(call.await.unwrap(), "there");
}

cases! {
    a_call_runs_on_exactly_one_server_of_its_topic;
    servers_of_a_topic_share_its_calls;
    a_call_to_a_server_runs_on_that_server_only;
    a_cast_to_a_server_runs_on_that_server_only;
    a_fanout_runs_once_on_every_server_of_the_topic;
    a_fanout_reaches_two_servers_of_one_name;
    a_fanout_reaches_the_topic_in_every_exchange;
    a_fanout_ignores_the_server_of_the_target;
    a_server_that_starts_later_is_not_told_of_an_earlier_fanout;
    topics_do_not_reach_each_other;
    exchanges_keep_topics_of_one_name_apart if separates_exchanges;
    servers_of_one_name_share_what_is_sent_to_it;
    names_may_hold_dots_blanks_and_any_letters;
}
