//! Timeouts and deadlines, and requests that do not run because their caller no longer waits.

use std::time::Duration;

use rpc_core::error::{Ran, TimeoutPhase};
use rpc_core::{CallError, Context, endpoint};
use tokio::time::{Instant, sleep};

use crate::conformance::harness::{TestEnv, cases};
use crate::conformance::helpers::asserts::assert_timeout;
use crate::conformance::helpers::raw;
use crate::conformance::helpers::reporter::UNTIL_INVOKED;
use crate::conformance::helpers::work::{Recorder, WorkClient, began, busy, ended, fill_queue};

/// The timeout of calls that are to expire in the queue.
const SHORT: Duration = Duration::from_millis(300);

fn ctx() -> Context {
    Context::new()
}

/// Calls other methods with the context that it was called with.
struct ForwardingService(WorkClient);

#[endpoint(namespace = "forwarding")]
impl ForwardingService {
    /// Returns how much time the next method has left, in milliseconds.
    pub async fn remaining(&self, ctx: &Context) -> Option<u64> {
        self.0.remaining(ctx).await.unwrap()
    }

    /// Returns the same, with a time-out for the next method that is longer than what is left.
    pub async fn remaining_of_more(&self, ctx: &Context) -> Option<u64> {
        self.0.remaining(ctx).timeout(Duration::from_secs(3600)).await.unwrap()
    }

    /// Calls the next method when the time is up, and checks the error.
    pub async fn too_late(&self, ctx: &Context) {
        sleep(ctx.remaining().unwrap()).await;
        let error = self.0.run(ctx, "too late".into()).await.unwrap_err();
        assert!(matches!(error, CallError::Timeout(_)), "{error:?}");
        self.0.run(&Context::new(), "told".into()).await.unwrap();
    }
}

async fn a_call_waits_sixty_seconds_unless_told_otherwise(env: TestEnv) {
    env.serve(Recorder::new().work()).await;
    let client: WorkClient = env.client();
    let left = client.remaining(&ctx()).await.unwrap().unwrap();
    assert!((30_000..=60_000).contains(&left), "{left} ms");
}

async fn a_method_sees_what_is_left_of_the_deadline(env: TestEnv) {
    env.serve(Recorder::new().work()).await;
    let client: WorkClient = env.client();
    let client = client.prepare().timeout(Duration::from_secs(20)).build();
    let left = client.remaining(&ctx()).await.unwrap().unwrap();
    assert!((1..=20_000).contains(&left), "the client's time-out: {left} ms");
    let call = client.remaining(&ctx()).timeout(Duration::from_secs(1000));
    let left = call.await.unwrap().unwrap();
    assert!((900_000..=1_000_000).contains(&left), "the call's own: {left} ms");
}

async fn a_call_without_a_reply_in_time_ends(env: TestEnv) {
    let mut recorder = Recorder::new();
    env.serve(recorder.work()).await;
    let client: WorkClient = env.client();
    let before = Instant::now();
    let error = client.hold(&ctx(), "a".into()).timeout(UNTIL_INVOKED).await.unwrap_err();
    assert_timeout(&error, TimeoutPhase::Reply);
    assert!(before.elapsed() >= UNTIL_INVOKED);
    assert!(before.elapsed() < Duration::from_secs(20));
    assert_eq!(recorder.began().await, "a");
    recorder.release(1);
}

async fn the_time_a_call_has_begins_when_it_is_awaited(env: TestEnv) {
    env.serve(Recorder::new().work()).await;
    let client: WorkClient = env.client();
    let call = client.remaining(&ctx()).timeout(Duration::from_secs(20));
    sleep(SHORT * 2).await;
    assert!(call.await.is_ok());
    // Time enough for any broker, and yet up before the call is awaited.
    let call = client.run(&ctx(), "a".into()).timeout(UNTIL_INVOKED);
    sleep(UNTIL_INVOKED * 2).await;
    assert_eq!(call.await.unwrap(), "a");
}

async fn what_expired_in_the_queue_is_never_run(env: TestEnv) {
    let mut recorder = Recorder::new();
    let server = busy(&env, &mut recorder).await;
    let client: WorkClient = env.client();
    let error = client.run(&ctx(), "expired".into()).timeout(SHORT).await.unwrap_err();
    assert_timeout(&error, TimeoutPhase::Reply);
    assert_ne!(error.ran(), Ran::Yes);
    // What a message takes to arrive is not counted.
    sleep(SHORT * 2).await;
    recorder.release(1);
    client.run(&ctx(), "next".into()).await.unwrap();
    server.stop();
    server.wait().await.unwrap();
    assert_eq!(recorder.rest(), [ended("busy"), began("next"), ended("next")]);
}

async fn a_message_redelivered_too_late_is_not_run(env: TestEnv) {
    let mut recorder = Recorder::new();
    let mut listener = raw::RawListener::new(&env, "slow").await;
    let mut request = raw::call(&env, 1, "run", "late");
    request.deadline = Some(Instant::now() + UNTIL_INVOKED);
    let call = tokio::spawn({
        let env = env.clone();
        async move { raw::send(&env, request).await }
    });
    let message = listener.next().await;
    sleep(UNTIL_INVOKED * 2).await;
    let builder = env.server("one").endpoint(recorder.work());
    let server = env.start(builder).await;
    message.requeue();
    listener.close().await;
    let event = call.await.unwrap();
    assert!(matches!(event, Some(rpc_core::pending_calls::ReplyEvent::Expired)), "{event:?}");
    let client: WorkClient = env.client();
    client.run(&ctx(), "next".into()).await.unwrap();
    server.stop();
    server.wait().await.unwrap();
    assert_eq!(recorder.rest(), [began("next"), ended("next")]);
}

async fn a_nested_call_inherits_what_is_left(env: TestEnv) {
    let recorder = Recorder::new();
    let forwarding = ForwardingService(env.client());
    env.start(env.server("one").endpoint(recorder.work()).endpoint(forwarding)).await;
    let client: ForwardingServiceClient = env.client();
    let client = client.prepare().timeout(Duration::from_secs(20)).build();
    let left = client.remaining(&ctx()).await.unwrap().unwrap();
    assert!((1..=20_000).contains(&left), "{left} ms");
    let left = client.remaining_of_more(&ctx()).await.unwrap().unwrap();
    assert!((1..=20_000).contains(&left), "a longer time-out does not help: {left} ms");
}

async fn a_nested_call_has_no_time_once_its_caller_has_none(env: TestEnv) {
    let mut recorder = Recorder::new();
    let forwarding = ForwardingService(env.client());
    env.start(env.server("one").endpoint(recorder.work()).endpoint(forwarding)).await;
    let client: ForwardingServiceClient = env.client();
    client.too_late(&ctx()).timeout(UNTIL_INVOKED).await.unwrap_err();
    assert_eq!(recorder.began().await, "told", "nothing ran before");
}

async fn a_timeout_of_zero_ends_the_call_at_once_and_nothing_runs(env: TestEnv) {
    let mut recorder = Recorder::new();
    let server = env.serve(recorder.work()).await;
    let client: WorkClient = env.client();
    let error = client.run(&ctx(), "a".into()).timeout(Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, CallError::Timeout(_)), "{error:?}");
    assert_eq!(error.ran(), Ran::No);
    client.run(&ctx(), "next".into()).await.unwrap();
    server.stop();
    server.wait().await.unwrap();
    assert_eq!(recorder.rest(), [began("next"), ended("next")]);
}

async fn the_longest_timeout_is_for_ever(env: TestEnv) {
    let mut recorder = Recorder::new();
    env.serve(recorder.work()).await;
    let client: WorkClient = env.client();
    client.run(&ctx(), "cast".into()).timeout(Duration::MAX).cast().await.unwrap();
    assert_eq!(recorder.began().await, "cast");
    assert_eq!(client.run(&ctx(), "a".into()).timeout(Duration::MAX).await.unwrap(), "a");
}

async fn a_cast_that_is_retried_has_a_timeout_of_its_own(env: TestEnv) {
    let mut recorder = Recorder::new();
    busy(&env, &mut recorder).await;
    fill_queue(&env).await;
    let client: WorkClient = env.client();
    let client = client.prepare().retry(rpc_core::Retry::times(1)).build();
    let error = client.run(&ctx(), "a".into()).cast().timeout(SHORT).await.unwrap_err();
    assert!(error.info().unwrap().elapsed < Duration::from_secs(20), "{error}");
    recorder.release(1);
    client.run(&ctx(), "next".into()).await.unwrap();
}

async fn the_deadline_bounds_the_wait_for_a_full_queue_too(env: TestEnv) {
    let mut recorder = Recorder::new();
    busy(&env, &mut recorder).await;
    fill_queue(&env).await;
    let client: WorkClient = env.client();
    let error = client.run(&ctx(), "a".into()).timeout(SHORT).await.unwrap_err();
    assert_timeout(&error, TimeoutPhase::Publish);
    assert_eq!((error.ran(), error.may_retry()), (Ran::No, true));
    assert!(error.info().unwrap().elapsed >= SHORT);
    recorder.release(1);
    client.run(&ctx(), "next".into()).await.unwrap();
    assert!(!recorder.rest().contains(&began("a")));
}

async fn publishing_a_cast_is_bounded(env: TestEnv) {
    let mut recorder = Recorder::new();
    busy(&env, &mut recorder).await;
    fill_queue(&env).await;
    let client: WorkClient = env.client();
    let error = client.run(&ctx(), "a".into()).cast().timeout(SHORT).await.unwrap_err();
    assert_timeout(&error, TimeoutPhase::Publish);
    assert_eq!((error.ran(), error.may_retry()), (Ran::No, true));
    recorder.release(1);
    client.run(&ctx(), "next".into()).await.unwrap();
    assert!(!recorder.rest().contains(&began("a")));
}

async fn a_cast_does_not_expire_in_the_queue(env: TestEnv) {
    let mut recorder = Recorder::new();
    busy(&env, &mut recorder).await;
    let client: WorkClient = env.client();
    client.run(&ctx(), "patient".into()).cast().timeout(SHORT).await.unwrap();
    sleep(SHORT * 2).await;
    recorder.release(1);
    assert_eq!(recorder.next().await, ended("busy"));
    assert_eq!(recorder.next().await, began("patient"));
}

async fn a_cast_expires_in_the_queue_where_it_is_asked_to(env: TestEnv) {
    let mut recorder = Recorder::new();
    let server = busy(&env, &mut recorder).await;
    let client: WorkClient = env.client();
    client.run(&ctx(), "stale".into()).cast().expires_after(SHORT).await.unwrap();
    client.run(&ctx(), "fresh".into()).cast().expires_after(SHORT * 1000).await.unwrap();
    // What a message takes to arrive is not counted.
    sleep(SHORT * 3).await;
    recorder.release(1);
    assert_eq!(recorder.next().await, ended("busy"));
    assert_eq!(recorder.next().await, began("fresh"));
    server.stop();
    server.wait().await.unwrap();
    assert_eq!(recorder.rest(), [ended("fresh")]);
}

async fn a_cast_has_no_deadline_for_its_method(env: TestEnv) {
    let mut recorder = Recorder::new();
    env.serve(recorder.work()).await;
    let client: WorkClient = env.client();
    client.until_cancelled(&ctx(), "a".into()).cast().timeout(UNTIL_INVOKED).await.unwrap();
    assert_eq!(recorder.began().await, "a");
    sleep(UNTIL_INVOKED * 2).await;
    recorder.release(1);
    assert_eq!(recorder.next().await, ended("a"), "nobody has gone");
    // That it expires in the queue says nothing of what begins in time.
    let expiring = client.until_cancelled(&ctx(), "b".into()).cast().expires_after(UNTIL_INVOKED);
    expiring.await.unwrap();
    assert_eq!(recorder.began().await, "b");
    sleep(UNTIL_INVOKED * 2).await;
    recorder.release(1);
    assert_eq!(recorder.next().await, ended("b"), "nobody has gone");
}

cases! {
    a_call_waits_sixty_seconds_unless_told_otherwise;
    a_method_sees_what_is_left_of_the_deadline;
    a_call_without_a_reply_in_time_ends;
    the_time_a_call_has_begins_when_it_is_awaited;
    what_expired_in_the_queue_is_never_run;
    a_message_redelivered_too_late_is_not_run if at_least_once;
    a_nested_call_inherits_what_is_left;
    a_nested_call_has_no_time_once_its_caller_has_none;
    a_timeout_of_zero_ends_the_call_at_once_and_nothing_runs;
    the_longest_timeout_is_for_ever;
    the_deadline_bounds_the_wait_for_a_full_queue_too if bounded_queues;
    publishing_a_cast_is_bounded if bounded_queues;
    a_cast_that_is_retried_has_a_timeout_of_its_own if bounded_queues;
    a_cast_does_not_expire_in_the_queue;
    a_cast_expires_in_the_queue_where_it_is_asked_to;
    a_cast_has_no_deadline_for_its_method;
}
