//! More messages than servers can run: senders wait, order is kept, and idle servers get their share.

use std::time::Duration;

use rpc_core::server::Concurrency;
use rpc_core::{Context, RpcClient};
use tokio::time::timeout;

use crate::conformance::harness::{TestEnv, cases};
use crate::conformance::helpers::reporter::poll_once;
use crate::conformance::helpers::work::{
    Event, Recorder, WorkClient, began, busy, ended, fill_queue,
};

fn ctx() -> Context {
    Context::new()
}

async fn senders_wait_while_the_queue_is_full(env: TestEnv) {
    let mut recorder = Recorder::new();
    busy(&env, &mut recorder).await;
    fill_queue(&env).await;
    let client: WorkClient = env.client();
    let mut cast = client.run(&ctx(), "waiting".into()).cast();
    assert!(poll_once(&mut cast).await.is_none());
    let mut call = client.run(&ctx(), "call".into());
    assert!(poll_once(&mut call).await.is_none());
    recorder.release(1);
    cast.await.unwrap();
    assert_eq!(call.await.unwrap(), "call");
}

async fn messages_run_in_the_order_they_were_sent_those_of_waiting_senders_too(env: TestEnv) {
    let mut recorder = Recorder::new();
    let builder = env.server("one").endpoint(recorder.work()).concurrency(Concurrency::Serial);
    env.start(builder).await;
    let client: WorkClient = env.client();
    client.hold(&ctx(), "busy".into()).cast().await.unwrap();
    assert_eq!(recorder.began().await, "busy");
    let capacity = fill_queue(&env).await;
    let mut waiting: Vec<_> =
        (capacity..capacity + 10).map(|n| client.run(&ctx(), n.to_string()).cast()).collect();
    for cast in &mut waiting {
        assert!(poll_once(cast).await.is_none());
    }
    recorder.release(1);
    // A sender that is slow to look does not hold the others up.
    while let Some(last) = waiting.pop() {
        last.await.unwrap();
    }
    assert_eq!(recorder.next().await, ended("busy"));
    for number in 0..capacity + 10 {
        let label = number.to_string();
        assert_eq!(recorder.next().await, began(&label));
        assert_eq!(recorder.next().await, ended(&label));
    }
}

async fn a_sender_that_is_dropped_while_it_waits_sends_nothing(env: TestEnv) {
    let mut recorder = Recorder::new();
    let server = busy(&env, &mut recorder).await;
    fill_queue(&env).await;
    let client: WorkClient = env.client();
    let mut call = client.run(&ctx(), "given up".into());
    let mut cast = client.run(&ctx(), "given up".into()).cast();
    assert!(poll_once(&mut call).await.is_none());
    assert!(poll_once(&mut cast).await.is_none());
    drop((call, cast));
    recorder.release(1);
    client.run(&ctx(), "last".into()).await.unwrap();
    server.stop();
    server.wait().await.unwrap();
    assert!(!recorder.rest().contains(&began("given up")));
}

async fn a_full_queue_holds_up_no_other_target(env: TestEnv) {
    let mut recorder = Recorder::new();
    busy(&env, &mut recorder).await;
    fill_queue(&env).await;
    let elsewhere = Recorder::new();
    let target = rpc_core::Target::topic(env.unique_name());
    let server =
        rpc_core::Server::builder(env.server_transport(), target.clone().server("elsewhere"));
    env.start(server.endpoint(elsewhere.work())).await;
    let client: WorkClient = env.client_of(target);
    assert_eq!(client.run(&ctx(), "a".into()).await.unwrap(), "a");
    recorder.release(1);
    let client: WorkClient = env.client();
    client.run(&ctx(), "last".into()).await.unwrap();
}

async fn casts_wait_at_their_sender_and_are_not_lost(env: TestEnv) {
    let mut recorder = Recorder::new();
    let builder = env.server("one").endpoint(recorder.work()).concurrency(Concurrency::Serial);
    let server = env.start(builder).await;
    let client: WorkClient = env.client();
    for number in 0..500 {
        client.run(&ctx(), number.to_string()).cast().await.unwrap();
    }
    for number in 0..500 {
        assert_eq!(recorder.next().await, began(&number.to_string()));
        assert_eq!(recorder.next().await, ended(&number.to_string()));
    }
    assert_eq!(server.stats().received, 500);
}

/// Starts two servers that run one message at a time, and sends calls; how many each of them ran.
async fn share(env: &TestEnv, calls: usize, at_a_time: usize) -> [usize; 2] {
    let mut recorders = [Recorder::new(), Recorder::new()];
    for (recorder, name) in recorders.iter().zip(["one", "two"]) {
        let builder = env.server(name).endpoint(recorder.work()).concurrency(Concurrency::Limit(1));
        env.start(builder).await;
    }
    let client: WorkClient = env.client();
    let callers: Vec<_> = (0..at_a_time)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                for _ in 0..calls / at_a_time {
                    client.sleep(&ctx(), 1).await.unwrap();
                    client.run(&ctx(), "shared".into()).await.unwrap();
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    recorders.each_mut().map(|recorder| {
        recorder.rest().iter().filter(|event| matches!(event, Event::Began(_))).count()
    })
}

async fn servers_that_compete_share_fairly_under_load(env: TestEnv) {
    let [one, two] = share(&env, 200, 20).await;
    assert_eq!(one + two, 200);
    assert!(one >= 40 && two >= 40, "{one} to {two}");
}

async fn an_idle_server_is_not_starved_by_a_busy_one(env: TestEnv) {
    let mut held = Recorder::new();
    busy(&env, &mut held).await;
    let free = Recorder::new();
    let other = env.start(env.server("free").endpoint(free.work())).await;
    let client: WorkClient = env.client();
    for number in 0..50 {
        let call = client.run(&ctx(), number.to_string());
        // Long enough for any broker, and far below the time that the busy one is held.
        timeout(Duration::from_secs(20), call).await.expect("the idle one answers").unwrap();
    }
    assert_eq!(other.stats().received, 50);
    held.release(1);
}

async fn many_callers_at_once_all_get_their_own_replies(env: TestEnv) {
    let recorder = Recorder::new();
    env.serve(recorder.work()).await;
    let client: RpcClient = env.client();
    let callers: Vec<_> = (0..500)
        .map(|number: u64| {
            let client = WorkClient::from(client.clone());
            tokio::spawn(async move { client.sleep(&ctx(), number % 7).await.unwrap() })
        })
        .collect();
    for (number, caller) in (0..).zip(callers) {
        assert_eq!(caller.await.unwrap(), number % 7);
    }
}

cases! {
    senders_wait_while_the_queue_is_full if bounded_queues;
    messages_run_in_the_order_they_were_sent_those_of_waiting_senders_too if bounded_queues;
    a_sender_that_is_dropped_while_it_waits_sends_nothing if bounded_queues;
    a_full_queue_holds_up_no_other_target if bounded_queues;
    casts_wait_at_their_sender_and_are_not_lost;
    servers_that_compete_share_fairly_under_load;
    an_idle_server_is_not_starved_by_a_busy_one;
    many_callers_at_once_all_get_their_own_replies;
}
