//! How many messages a server runs at a time, and what happens to the others.

use rpc_core::Context;
use rpc_core::server::Concurrency;

use crate::conformance::harness::{TestEnv, cases};
use crate::conformance::helpers::work::{Event, Recorder, WorkClient, began, ended};

fn ctx() -> Context {
    Context::new()
}

/// Casts that are held, with their numbers as labels.
async fn hold(client: &WorkClient, numbers: std::ops::Range<usize>) {
    for number in numbers {
        client.hold(&ctx(), number.to_string()).cast().await.unwrap();
    }
}

async fn a_serial_server_runs_one_message_after_the_other_in_order(env: TestEnv) {
    let mut recorder = Recorder::new();
    let builder = env.server("one").endpoint(recorder.work()).concurrency(Concurrency::Serial);
    env.start(builder).await;
    let client: WorkClient = env.client();
    hold(&client, 0..5).await;
    recorder.release(5);
    for number in 0..5 {
        let label = number.to_string();
        assert_eq!(recorder.next().await, began(&label));
        assert_eq!(recorder.next().await, ended(&label));
    }
    assert_eq!(recorder.most_at_once(), 1);
}

async fn a_server_runs_as_many_messages_as_it_may_and_no_more(env: TestEnv) {
    let mut recorder = Recorder::new();
    let builder = env.server("one").endpoint(recorder.work()).concurrency(Concurrency::Limit(3));
    let server = env.start(builder).await;
    let client: WorkClient = env.client();
    hold(&client, 0..7).await;
    for _ in 0..3 {
        recorder.began().await;
    }
    assert_eq!(server.stats().in_flight, 3);
    // Each that ends makes room for one.
    recorder.release(7);
    all_have_begun(&mut recorder, 4).await;
    assert_eq!(recorder.most_at_once(), 3);
}

async fn a_server_runs_64_messages_at_a_time_by_default(env: TestEnv) {
    let mut recorder = Recorder::new();
    let server = env.serve(recorder.work()).await;
    let client: WorkClient = env.client();
    hold(&client, 0..70).await;
    for _ in 0..64 {
        recorder.began().await;
    }
    assert_eq!(server.stats().in_flight, 64);
    recorder.release(70);
    all_have_begun(&mut recorder, 70 - 64).await;
    assert_eq!(recorder.most_at_once(), 64);
}

/// Waits for this many beginnings more, whatever ends in between.
async fn all_have_begun(recorder: &mut Recorder, mut more: usize) {
    while more > 0 {
        more -= usize::from(matches!(recorder.next().await, Event::Began(_)));
    }
}

async fn what_a_busy_server_cannot_run_yet_goes_to_another(env: TestEnv) {
    let mut busy = Recorder::new();
    let builder = env.server("busy").endpoint(busy.work()).concurrency(Concurrency::Limit(1));
    let server = env.start(builder).await;
    let client: WorkClient = env.client();
    hold(&client, 0..1).await;
    busy.began().await;
    hold(&client, 1..4).await;

    let mut free = Recorder::new();
    env.start(env.server("free").endpoint(free.work())).await;
    let mut began = [free.began().await, free.began().await, free.began().await];
    // A broker may have delivered one of them to the busy one first.
    began.sort();
    assert_eq!(began, ["1", "2", "3"]);
    assert_eq!(server.stats().received, 1, "the rest stayed in the broker");
    busy.release(1);
    free.release(3);
}

async fn a_slow_method_does_not_delay_others(env: TestEnv) {
    let mut recorder = Recorder::new();
    env.serve(recorder.work()).await;
    let client: WorkClient = env.client();
    let slow = tokio::spawn(client.hold(&ctx(), "slow".into()));
    assert_eq!(recorder.began().await, "slow");
    client.run(&ctx(), "quick".into()).await.unwrap();
    assert_eq!(recorder.rest(), [began("quick"), ended("quick")]);
    recorder.release(1);
    slow.await.unwrap().unwrap();
}

async fn a_blocking_method_does_not_delay_others(env: TestEnv) {
    let mut recorder = Recorder::new();
    env.serve(recorder.work()).await;
    let client: WorkClient = env.client();
    let blocked = tokio::spawn(client.block(&ctx(), "blocked".into()));
    assert_eq!(recorder.began().await, "blocked");
    client.run(&ctx(), "quick".into()).await.unwrap();
    assert_eq!(recorder.rest(), [began("quick"), ended("quick")]);
    recorder.release(1);
    assert_eq!(blocked.await.unwrap().unwrap(), "blocked");
}

async fn a_blocking_method_counts_like_any_other(env: TestEnv) {
    let mut recorder = Recorder::new();
    let builder = env.server("one").endpoint(recorder.work()).concurrency(Concurrency::Limit(1));
    let server = env.start(builder).await;
    let client: WorkClient = env.client();
    client.block(&ctx(), "a".into()).cast().await.unwrap();
    client.block(&ctx(), "b".into()).cast().await.unwrap();
    assert_eq!(recorder.began().await, "a");
    assert_eq!(server.stats().in_flight, 1);
    recorder.release(2);
    assert_eq!(recorder.next().await, ended("a"));
    assert_eq!(recorder.next().await, began("b"));
    assert_eq!(recorder.next().await, ended("b"));
}

async fn messages_of_one_caller_run_side_by_side(env: TestEnv) {
    let mut recorder = Recorder::new();
    env.serve(recorder.work()).await;
    let client: WorkClient = env.client();
    let calls = ["a", "b"].map(|label| tokio::spawn(client.hold(&ctx(), label.into())));
    recorder.began().await;
    recorder.began().await;
    recorder.release(2);
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(recorder.most_at_once(), 2);
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
