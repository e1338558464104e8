//! Callers that give up: what their methods notice, and what is never run.

use std::sync::Arc;
use std::time::Duration;

use rpc_core::error::{Ran, TimeoutPhase};
use rpc_core::{Context, RunningServer, Server};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::conformance::harness::{World, cases};
use crate::conformance::helpers::asserts::assert_timeout;
use crate::conformance::helpers::recording_transport::Observed;
use crate::conformance::helpers::witness::{UNTIL_INVOKED, poll_once};
use crate::conformance::helpers::work::{Event, Watch, WorkClient, began, busy, ended};

const SHORT: Duration = Duration::from_millis(300);

fn ctx() -> Context {
    Context::new()
}

fn abandoned(label: &str) -> Event {
    Event::Abandoned(label.to_owned())
}

async fn a_method_is_told_that_its_caller_dropped_the_call(world: World) {
    let mut watch = Watch::new();
    world.serve(watch.work()).await;
    let client: WorkClient = world.client();
    let call = tokio::spawn(client.mind_the_caller(&ctx(), "a".into()));
    assert_eq!(watch.began().await, "a");
    call.abort();
    assert_eq!(watch.next().await, abandoned("a"));
    assert_eq!(watch.next().await, ended("a"));
}

async fn a_method_is_told_that_its_caller_s_time_is_up(world: World) {
    let mut watch = Watch::new();
    world.serve(watch.work()).await;
    let client: WorkClient = world.client();
    let call = client.mind_the_caller(&ctx(), "a".into()).timeout(UNTIL_INVOKED);
    let error = call.await.unwrap_err();
    assert_timeout(&error, TimeoutPhase::Reply);
    assert_eq!(error.ran(), Ran::Unknown);
    assert_eq!(watch.began().await, "a");
    assert_eq!(watch.next().await, abandoned("a"));
}

async fn only_the_method_of_the_cancelled_call_is_told(world: World) {
    let mut watch = Watch::new();
    world.serve(watch.work()).await;
    let client: WorkClient = world.client();
    let stays = tokio::spawn(client.mind_the_caller(&ctx(), "stays".into()));
    assert_eq!(watch.began().await, "stays");
    let goes = tokio::spawn(client.mind_the_caller(&ctx(), "goes".into()));
    assert_eq!(watch.began().await, "goes");
    goes.abort();
    assert_eq!(watch.next().await, abandoned("goes"));
    assert_eq!(watch.next().await, ended("goes"));
    watch.release(1);
    stays.await.unwrap().unwrap();
    assert_eq!(watch.rest(), [ended("stays")]);
}

async fn a_call_that_was_dropped_before_its_method_began_never_runs(world: World) {
    let mut watch = Watch::new();
    let server = busy(&world, &mut watch).await;
    let client: WorkClient = world.client();
    let mut call = Box::pin(client.run(&ctx(), "never".into()));
    // Polled once: it stands in the queue now.
    assert!(poll_once(&mut call).await.is_none());
    drop(call);
    watch.release(1);
    client.run(&ctx(), "next".into()).await.unwrap();
    server.stop();
    server.wait().await.unwrap();
    assert_eq!(watch.rest(), [ended("busy"), began("next"), ended("next")]);
}

/// A server that takes a message and cannot begin with it, until the gate opens.
async fn slow(world: &World, watch: &Watch) -> (Arc<RunningServer>, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let (serving, log) = (world.serving(), watch.log());
    let transport = Observed::slow_to_acknowledge(serving, log, Arc::clone(&gate));
    let server = Server::builder(transport, world.target().server("one")).endpoint(watch.work());
    (world.start(server).await, gate)
}

async fn a_call_that_was_dropped_between_its_delivery_and_its_method_never_runs(world: World) {
    let mut watch = Watch::new();
    let (server, gate) = slow(&world, &watch).await;
    let client: WorkClient = world.client();
    let call = tokio::spawn(client.run(&ctx(), "never".into()));
    let Event::Taken(id) = watch.next().await else { panic!("the server takes it first") };
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    gate.add_permits(1);
    server.stop();
    server.wait().await.unwrap();
    assert!(!watch.rest().contains(&began("never")), "{id} ran");
    assert_eq!(server.stats().expired, 1);
}

async fn a_call_whose_time_is_up_between_its_delivery_and_its_method_never_runs(world: World) {
    let mut watch = Watch::new();
    let (server, gate) = slow(&world, &watch).await;
    let client: WorkClient = world.client();
    let error = client.run(&ctx(), "never".into()).timeout(UNTIL_INVOKED).await.unwrap_err();
    assert_timeout(&error, TimeoutPhase::Reply);
    assert_ne!(error.ran(), Ran::Yes);
    assert!(matches!(watch.next().await, Event::Taken(_)));
    // What a message takes to arrive is not counted.
    sleep(UNTIL_INVOKED).await;
    gate.add_permits(1);
    server.stop();
    server.wait().await.unwrap();
    assert!(!watch.rest().contains(&began("never")));
    assert_eq!(server.stats().expired, 1);
}

async fn a_caller_whose_method_had_not_begun_knows_that_it_never_will(world: World) {
    let mut watch = Watch::new();
    let server = busy(&world, &mut watch).await;
    let client: WorkClient = world.client();
    let error = client.run(&ctx(), "never".into()).timeout(SHORT).await.unwrap_err();
    assert_timeout(&error, TimeoutPhase::Reply);
    assert_eq!((error.ran(), error.may_retry()), (Ran::No, true));
    watch.release(1);
    server.stop();
    server.wait().await.unwrap();
    assert_eq!(watch.rest(), [ended("busy")]);
}

async fn a_method_that_ignores_cancellation_runs_to_its_end(world: World) {
    let mut watch = Watch::new();
    world.serve(watch.work()).await;
    let client: WorkClient = world.client();
    let call = tokio::spawn(client.hold(&ctx(), "a".into()));
    assert_eq!(watch.began().await, "a");
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    watch.release(1);
    assert_eq!(watch.next().await, ended("a"));
}

async fn a_caller_that_waits_is_not_reported_as_cancelled(world: World) {
    let mut watch = Watch::new();
    world.serve(watch.work()).await;
    let client: WorkClient = world.client();
    let call = tokio::spawn(client.mind_the_caller(&ctx(), "a".into()));
    assert_eq!(watch.began().await, "a");
    client.run(&ctx(), "beside".into()).await.unwrap();
    watch.release(1);
    call.await.unwrap().unwrap();
    assert_eq!(watch.rest(), [began("beside"), ended("beside"), ended("a")]);
}

cases! {
    a_method_is_told_that_its_caller_dropped_the_call if cancel;
    a_method_is_told_that_its_caller_s_time_is_up if cancel;
    only_the_method_of_the_cancelled_call_is_told if cancel;
    a_call_that_was_dropped_before_its_method_began_never_runs if cancel_is_exact;
    a_call_that_was_dropped_between_its_delivery_and_its_method_never_runs if cancel_is_exact;
    a_call_whose_time_is_up_between_its_delivery_and_its_method_never_runs;
    a_caller_whose_method_had_not_begun_knows_that_it_never_will if cancel_is_exact;
    a_method_that_ignores_cancellation_runs_to_its_end;
    a_caller_that_waits_is_not_reported_as_cancelled;
}
