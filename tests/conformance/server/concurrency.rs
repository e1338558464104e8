//! How many messages a server runs at a time, and what happens to the others.

use rpc_core::Context;
use rpc_core::server::Concurrency;

use crate::conformance::harness::{World, cases};
use crate::conformance::helpers::work::{Event, Watch, WorkClient, began, ended};

fn ctx() -> Context {
    Context::new()
}

/// Casts that are held, with their numbers as labels.
async fn hold(client: &WorkClient, numbers: std::ops::Range<usize>) {
    for number in numbers {
        client.hold(&ctx(), number.to_string()).cast().await.unwrap();
    }
}

async fn a_serial_server_runs_one_message_after_the_other_in_order(world: World) {
    let mut watch = Watch::new();
    let builder = world.server("one").endpoint(watch.work()).concurrency(Concurrency::Serial);
    world.start(builder).await;
    let client: WorkClient = world.client();
    hold(&client, 0..5).await;
    watch.release(5);
    for number in 0..5 {
        let label = number.to_string();
        assert_eq!(watch.next().await, began(&label));
        assert_eq!(watch.next().await, ended(&label));
    }
    assert_eq!(watch.most_at_once(), 1);
}

async fn a_server_runs_as_many_messages_as_it_may_and_no_more(world: World) {
    let mut watch = Watch::new();
    let builder = world.server("one").endpoint(watch.work()).concurrency(Concurrency::Limit(3));
    let server = world.start(builder).await;
    let client: WorkClient = world.client();
    hold(&client, 0..7).await;
    for _ in 0..3 {
        watch.began().await;
    }
    assert_eq!(server.stats().in_flight, 3);
    // Each that ends makes room for one.
    watch.release(7);
    all_have_begun(&mut watch, 4).await;
    assert_eq!(watch.most_at_once(), 3);
}

async fn a_server_runs_64_messages_at_a_time_by_default(world: World) {
    let mut watch = Watch::new();
    let server = world.serve(watch.work()).await;
    let client: WorkClient = world.client();
    hold(&client, 0..70).await;
    for _ in 0..64 {
        watch.began().await;
    }
    assert_eq!(server.stats().in_flight, 64);
    watch.release(70);
    all_have_begun(&mut watch, 70 - 64).await;
    assert_eq!(watch.most_at_once(), 64);
}

/// Waits for this many beginnings more, whatever ends in between.
async fn all_have_begun(watch: &mut Watch, mut more: usize) {
    while more > 0 {
        more -= usize::from(matches!(watch.next().await, Event::Began(_)));
    }
}

async fn what_a_busy_server_cannot_run_yet_goes_to_another(world: World) {
    let mut busy = Watch::new();
    let builder = world.server("busy").endpoint(busy.work()).concurrency(Concurrency::Limit(1));
    let server = world.start(builder).await;
    let client: WorkClient = world.client();
    hold(&client, 0..1).await;
    busy.began().await;
    hold(&client, 1..4).await;

    let mut free = Watch::new();
    world.start(world.server("free").endpoint(free.work())).await;
    let mut began = [free.began().await, free.began().await, free.began().await];
    // A broker may have delivered one of them to the busy one first.
    began.sort();
    assert_eq!(began, ["1", "2", "3"]);
    assert_eq!(server.stats().received, 1, "the rest stayed in the broker");
    busy.release(1);
    free.release(3);
}

async fn a_slow_method_does_not_delay_others(world: World) {
    let mut watch = Watch::new();
    world.serve(watch.work()).await;
    let client: WorkClient = world.client();
    let slow = tokio::spawn(client.hold(&ctx(), "slow".into()));
    assert_eq!(watch.began().await, "slow");
    client.run(&ctx(), "quick".into()).await.unwrap();
    assert_eq!(watch.rest(), [began("quick"), ended("quick")]);
    watch.release(1);
    slow.await.unwrap().unwrap();
}

async fn a_blocking_method_does_not_delay_others(world: World) {
    let mut watch = Watch::new();
    world.serve(watch.work()).await;
    let client: WorkClient = world.client();
    let blocked = tokio::spawn(client.block(&ctx(), "blocked".into()));
    assert_eq!(watch.began().await, "blocked");
    client.run(&ctx(), "quick".into()).await.unwrap();
    assert_eq!(watch.rest(), [began("quick"), ended("quick")]);
    watch.release(1);
    assert_eq!(blocked.await.unwrap().unwrap(), "blocked");
}

async fn a_blocking_method_counts_like_any_other(world: World) {
    let mut watch = Watch::new();
    let builder = world.server("one").endpoint(watch.work()).concurrency(Concurrency::Limit(1));
    let server = world.start(builder).await;
    let client: WorkClient = world.client();
    client.block(&ctx(), "a".into()).cast().await.unwrap();
    client.block(&ctx(), "b".into()).cast().await.unwrap();
    assert_eq!(watch.began().await, "a");
    assert_eq!(server.stats().in_flight, 1);
    watch.release(2);
    assert_eq!(watch.next().await, ended("a"));
    assert_eq!(watch.next().await, began("b"));
    assert_eq!(watch.next().await, ended("b"));
}

async fn messages_of_one_caller_run_side_by_side(world: World) {
    let mut watch = Watch::new();
    world.serve(watch.work()).await;
    let client: WorkClient = world.client();
    let calls = ["a", "b"].map(|label| tokio::spawn(client.hold(&ctx(), label.into())));
    watch.began().await;
    watch.began().await;
    watch.release(2);
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(watch.most_at_once(), 2);
}

cases! {
    a_serial_server_runs_one_message_after_the_other_in_order;
    a_server_runs_as_many_messages_as_it_may_and_no_more;
    a_server_runs_64_messages_at_a_time_by_default;
    what_a_busy_server_cannot_run_yet_goes_to_another;
    a_slow_method_does_not_delay_others;
    a_blocking_method_does_not_delay_others;
    a_blocking_method_counts_like_any_other;
    messages_of_one_caller_run_side_by_side;
}
