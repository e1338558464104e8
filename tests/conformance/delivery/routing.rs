//! Whom a message reaches: any server of a topic, one of them, all of them.

use std::collections::BTreeSet;

use rpc_core::{Context, Server, Target};

use crate::conformance::harness::{World, cases};
use crate::conformance::helpers::witness::{Seen, WitnessClient, inline, stop_all};

fn ctx() -> Context {
    Context::new()
}

/// Two servers of the case's topic, `one` and `two`.
async fn two_servers(world: &World, seen: &Seen) -> [std::sync::Arc<rpc_core::RunningServer>; 2] {
    let one = world.start(inline(world, "one").endpoint(seen.witness("one"))).await;
    let two = world.start(inline(world, "two").endpoint(seen.witness("two"))).await;
    [one, two]
}

async fn a_call_runs_on_exactly_one_server_of_its_topic(world: World) {
    let mut seen = Seen::new();
    let servers = two_servers(&world, &seen).await;
    let client: WitnessClient = world.client();
    for number in 0..10 {
        let answered = client.tell(&ctx(), number.to_string()).await.unwrap();
        let (server, word) = seen.next().await;
        assert_eq!((server, word), (answered.as_str(), number.to_string()));
    }
    stop_all(&servers).await;
    assert_eq!(seen.rest(), []);
}

async fn servers_of_a_topic_share_its_calls(world: World) {
    let seen = Seen::new();
    two_servers(&world, &seen).await;
    let client: WitnessClient = world.client();
    let mut answered = BTreeSet::new();
    for _ in 0..20 {
        answered.insert(client.tell(&ctx(), "hello".into()).await.unwrap());
    }
    assert_eq!(answered, BTreeSet::from(["one".to_owned(), "two".to_owned()]));
}

async fn a_call_to_a_server_runs_on_that_server_only(world: World) {
    let mut seen = Seen::new();
    let servers = two_servers(&world, &seen).await;
    let two: WitnessClient = world.client_of(world.target().server("two"));
    for number in 0..6 {
        assert_eq!(two.tell(&ctx(), number.to_string()).await.unwrap(), "two");
    }
    stop_all(&servers).await;
    assert!(seen.rest().iter().all(|(server, _)| *server == "two"));
}

async fn a_cast_to_a_server_runs_on_that_server_only(world: World) {
    let mut seen = Seen::new();
    let servers = two_servers(&world, &seen).await;
    let client: WitnessClient = world.client();
    for number in 0..6 {
        client.tell(&ctx(), number.to_string()).cast().to_server("two").await.unwrap();
    }
    for _ in 0..6 {
        assert_eq!(seen.next().await.0, "two");
    }
    stop_all(&servers).await;
    assert_eq!(seen.rest(), []);
}

async fn a_fanout_runs_once_on_every_server_of_the_topic(world: World) {
    let mut seen = Seen::new();
    let mut servers = Vec::new();
    for name in ["one", "three", "two"] {
        servers.push(world.start(inline(&world, name).endpoint(seen.witness(name))).await);
    }
    let client: WitnessClient = world.client();
    client.tell(&ctx(), "all".into()).fanout().await.unwrap();
    let all = |name| (name, "all".to_owned());
    assert_eq!(seen.next_sorted(3).await, ["one", "three", "two"].map(all));
    stop_all(&servers).await;
    assert_eq!(seen.rest(), []);
}

async fn a_fanout_reaches_two_servers_of_one_name(world: World) {
    let mut seen = Seen::new();
    let first = world.start(inline(&world, "one").endpoint(seen.witness("first"))).await;
    let second = world.start(inline(&world, "one").endpoint(seen.witness("second"))).await;
    let client: WitnessClient = world.client();
    client.tell(&ctx(), "all".into()).fanout().await.unwrap();
    let all = |name| (name, "all".to_owned());
    assert_eq!(seen.next_sorted(2).await, ["first", "second"].map(all));
    stop_all([&first, &second]).await;
    assert_eq!(seen.rest(), []);
}

async fn a_fanout_reaches_the_topic_in_every_exchange(world: World) {
    let mut seen = Seen::new();
    let elsewhere = world.target().exchange("elsewhere").server("two");
    let here = world.start(inline(&world, "one").endpoint(seen.witness("here"))).await;
    let there = Server::builder(world.serving(), elsewhere).endpoint(seen.witness("there"));
    let there = world.start(there).await;
    let client: WitnessClient = world.client();
    client.tell(&ctx(), "all".into()).fanout().await.unwrap();
    let all = |name| (name, "all".to_owned());
    assert_eq!(seen.next_sorted(2).await, ["here", "there"].map(all));
    stop_all([&here, &there]).await;
    assert_eq!(seen.rest(), []);
}

async fn a_fanout_ignores_the_server_of_the_target(world: World) {
    let mut seen = Seen::new();
    two_servers(&world, &seen).await;
    let client: WitnessClient = world.client_of(world.target().server("two").fanout(true));
    client.tell(&ctx(), "all".into()).cast().await.unwrap();
    let all = |name| (name, "all".to_owned());
    assert_eq!(seen.next_sorted(2).await, ["one", "two"].map(all));
}

async fn a_server_that_starts_later_is_not_told_of_an_earlier_fanout(world: World) {
    let mut seen = Seen::new();
    let early = world.start(inline(&world, "early").endpoint(seen.witness("early"))).await;
    let client: WitnessClient = world.client();
    client.tell(&ctx(), "before".into()).fanout().await.unwrap();
    assert_eq!(seen.next().await, ("early", "before".to_owned()));
    let late = world.start(inline(&world, "late").endpoint(seen.witness("late"))).await;
    client.tell(&ctx(), "after".into()).fanout().await.unwrap();
    let after = |name| (name, "after".to_owned());
    assert_eq!(seen.next_sorted(2).await, ["early", "late"].map(after));
    stop_all([&early, &late]).await;
    assert_eq!(seen.rest(), []);
}

async fn topics_do_not_reach_each_other(world: World) {
    let mut seen = Seen::new();
    let (red, blue) = (world.name(), world.name());
    let mut servers = Vec::new();
    for (topic, name) in [(&red, "red"), (&blue, "blue")] {
        let target = Target::topic(topic.clone()).server("one");
        let server = Server::builder(world.serving(), target).endpoint(seen.witness(name));
        servers.push(world.start(server).await);
    }
    let client: WitnessClient = world.client_of(Target::topic(blue));
    assert_eq!(client.tell(&ctx(), "call".into()).await.unwrap(), "blue");
    client.tell(&ctx(), "cast".into()).cast().await.unwrap();
    client.tell(&ctx(), "fanout".into()).fanout().await.unwrap();
    let blue = |word: &str| ("blue", word.to_owned());
    assert_eq!(seen.next_sorted(3).await, ["call", "cast", "fanout"].map(blue));
    stop_all(&servers).await;
    assert_eq!(seen.rest(), []);
}

async fn exchanges_keep_topics_of_one_name_apart(world: World) {
    let seen = Seen::new();
    world.start(inline(&world, "one").endpoint(seen.witness("default"))).await;
    for (exchange, name) in [("red", "red"), ("blue", "blue")] {
        let target = world.target().exchange(exchange).server("one");
        let server = Server::builder(world.serving(), target).endpoint(seen.witness(name));
        world.start(server).await;
    }
    let client: WitnessClient = world.client();
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

async fn servers_of_one_name_share_what_is_sent_to_it(world: World) {
    let seen = Seen::new();
    world.start(inline(&world, "one").endpoint(seen.witness("first"))).await;
    world.start(inline(&world, "one").endpoint(seen.witness("second"))).await;
    let client: WitnessClient = world.client_of(world.target().server("one"));
    let mut answered = BTreeSet::new();
    for _ in 0..20 {
        answered.insert(client.tell(&ctx(), "hello".into()).await.unwrap());
    }
    assert_eq!(answered, BTreeSet::from(["first".to_owned(), "second".to_owned()]));
}

async fn names_may_hold_dots_blanks_and_any_letters(world: World) {
    let seen = Seen::new();
    let topic = format!("{}.compute node №1.ü", world.name());
    let target = Target::topic(topic).exchange("nova.cells v2");
    let server = Server::builder(world.serving(), target.clone().server("host-1.例え.org"));
    world.start(server.endpoint(seen.witness("there"))).await;
    let client: WitnessClient = world.client_of(target);
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
