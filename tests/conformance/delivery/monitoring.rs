//! Call monitoring, as in oslo.messaging: servers send still-running messages to callers that ask for them.

use std::time::Duration;

use rpc_core::error::{Ran, TimeoutPhase};
use rpc_core::{CallError, Context, RpcClient, RunningServer, Server};
use tokio::time::{Instant, sleep};

use crate::conformance::harness::{TestEnv, cases};
use crate::conformance::helpers::asserts::assert_timeout;
use crate::conformance::helpers::raw::{self, RawListener};
use crate::conformance::helpers::recording_transport::RecordingTransport;
use crate::conformance::helpers::work::{Event, Recorder, WorkClient, busy};

/// The monitor timeout: a caller expects a still-running message within it.
const PERIOD: Duration = Duration::from_secs(1);

fn ctx() -> Context {
    Context::new()
}

/// Starts a server and records the still-running messages that it sends.
async fn observed(env: &TestEnv, recorder: &Recorder) -> std::sync::Arc<RunningServer> {
    let transport = RecordingTransport::new(env.server_transport(), recorder.log());
    let server = Server::builder(transport, env.target().server("one")).endpoint(recorder.work());
    env.start(server).await
}

/// Returns how many still-running messages were sent since the last look.
fn still_running_messages(recorder: &mut Recorder) -> usize {
    recorder.rest().iter().filter(|event| matches!(event, Event::StillRunning(_))).count()
}

async fn monitor_replies_keep_a_long_call_alive(env: TestEnv) {
    let mut recorder = Recorder::new();
    observed(&env, &recorder).await;
    let client: WorkClient = env.client();
    let millis = PERIOD.as_millis() as u64 * 4;
    assert_eq!(client.sleep(&ctx(), millis).monitor(PERIOD).await.unwrap(), millis);
    let sent = still_running_messages(&mut recorder);
    assert!((3..=8).contains(&sent), "one every half period: {sent}");
}

async fn a_client_can_monitor_all_its_calls(env: TestEnv) {
    let mut recorder = Recorder::new();
    observed(&env, &recorder).await;
    let client: WorkClient = env.client();
    let monitored = client.prepare().monitor(PERIOD).build();
    monitored.sleep(&ctx(), PERIOD.as_millis() as u64 * 2).await.unwrap();
    assert!(still_running_messages(&mut recorder) > 0);
    let not = monitored.prepare().no_monitor().build();
    not.sleep(&ctx(), PERIOD.as_millis() as u64 * 2).await.unwrap();
    assert_eq!(still_running_messages(&mut recorder), 0);
}

async fn a_missed_monitor_ends_the_call_long_before_its_timeout(env: TestEnv) {
    let mut listener = RawListener::new(&env, "dying").await;
    let client: WorkClient = env.client();
    let call = client.run(&ctx(), "a".into()).monitor(PERIOD).timeout(PERIOD * 1000);
    let call = tokio::spawn(call);
    let mut message = listener.next().await;
    message.ack().await.unwrap();
    // It lived for a while.
    for _ in 0..3 {
        sleep(PERIOD / 2).await;
        message.still_running().await.unwrap();
    }
    let error = call.await.unwrap().unwrap_err();
    assert_timeout(&error, TimeoutPhase::Monitor);
    let elapsed = error.info().unwrap().elapsed;
    assert!(elapsed >= PERIOD * 5 / 2 && elapsed < PERIOD * 100, "{elapsed:?}");
    drop(message);
    listener.close().await;
}

async fn after_a_missed_monitor_it_is_unknown_whether_the_method_ran(env: TestEnv) {
    let mut recorder = Recorder::new();
    let transport = RecordingTransport::new(env.server_transport(), recorder.log());
    let server = Server::builder(transport.clone(), env.target().server("one"));
    env.start(server.endpoint(recorder.work())).await;
    transport.fail_replies(1);
    let client: WorkClient = env.client();
    let error = client.run(&ctx(), "a".into()).monitor(PERIOD).await.unwrap_err();
    assert_timeout(&error, TimeoutPhase::Monitor);
    assert_eq!((error.ran(), error.may_retry()), (Ran::Unknown, false));
    assert!(matches!(recorder.next().await, Event::Acked(_)));
    assert_eq!(recorder.began().await, "a");
}

async fn a_call_that_no_server_receives_misses_its_monitor(env: TestEnv) {
    let mut recorder = Recorder::new();
    busy(&env, &mut recorder).await;
    let client: WorkClient = env.client();
    let call = client.run(&ctx(), "a".into()).monitor(PERIOD).timeout(PERIOD * 1000);
    let error = call.await.unwrap_err();
    assert_timeout(&error, TimeoutPhase::Monitor);
    assert_ne!(error.ran(), Ran::Yes);
    recorder.release(1);
    // What waited before it has left the queue by then.
    client.run(&ctx(), "b".into()).await.unwrap();
}

async fn monitor_replies_do_not_extend_the_timeout(env: TestEnv) {
    let mut recorder = Recorder::new();
    env.serve(recorder.work()).await;
    let client: WorkClient = env.client();
    let call = client.hold(&ctx(), "a".into()).monitor(PERIOD).timeout(PERIOD * 3);
    let error = call.await.unwrap_err();
    assert_timeout(&error, TimeoutPhase::Reply);
    assert!(error.info().unwrap().elapsed >= PERIOD * 3);
    assert_eq!(recorder.began().await, "a");
    recorder.release(1);
}

async fn no_monitor_reply_is_sent_unless_asked_for(env: TestEnv) {
    let mut recorder = Recorder::new();
    observed(&env, &recorder).await;
    let client: WorkClient = env.client();
    client.sleep(&ctx(), PERIOD.as_millis() as u64 * 3).await.unwrap();
    let cast = client.prepare().monitor(PERIOD).build().hold(&ctx(), "cast".into()).cast();
    cast.await.unwrap();
    sleep(PERIOD * 2).await;
    recorder.release(1);
    assert_eq!(still_running_messages(&mut recorder), 0);
}

async fn no_monitor_reply_follows_a_reply(env: TestEnv) {
    let mut recorder = Recorder::new();
    observed(&env, &recorder).await;
    let client: RpcClient = env.client();
    let monitored = client.prepare().monitor(PERIOD).build();
    let error = monitored.call::<()>(&ctx(), "fly", &()).await.unwrap_err();
    assert!(matches!(error, CallError::Rejected(_)), "{error:?}");
    WorkClient::from(monitored).run(&ctx(), "a".into()).await.unwrap();
    sleep(PERIOD * 3).await;
    assert_eq!(still_running_messages(&mut recorder), 0);
}

async fn a_blocking_method_is_monitored_too(env: TestEnv) {
    let mut recorder = Recorder::new();
    observed(&env, &recorder).await;
    let client: WorkClient = env.client();
    let call = tokio::spawn(client.block(&ctx(), "a".into()).monitor(PERIOD));
    assert!(matches!(recorder.next().await, Event::Acked(_)));
    assert_eq!(recorder.began().await, "a");
    env.advance_time(PERIOD * 4).await;
    assert!(still_running_messages(&mut recorder) > 0);
    recorder.release(1);
    assert_eq!(call.await.unwrap().unwrap(), "a");
}

async fn a_monitor_period_of_zero_ends_the_call_and_not_the_server(env: TestEnv) {
    let recorder = Recorder::new();
    env.serve(recorder.work()).await;
    let client: WorkClient = env.client();
    let began = Instant::now();
    let called = client.sleep(&ctx(), 300).monitor(Duration::ZERO).await;
    // Over a broker it becomes the shortest that servers keep.
    match (env.capabilities().min_monitor, called) {
        (Some(_), Ok(lasted)) => assert_eq!(lasted, 300),
        (shortest, called) => {
            assert_timeout(&called.unwrap_err(), TimeoutPhase::Monitor);
            assert!(began.elapsed() >= shortest.unwrap_or_default());
        }
    }
    for (id, period) in [(1, Duration::from_nanos(1)), (2, Duration::MAX)] {
        let mut request = raw::call(&env, id, "run", "a");
        request.monitor = Some(period);
        let _ = raw::send(&env, request).await;
    }
    assert_eq!(client.run(&ctx(), "next".into()).await.unwrap(), "next");
}

async fn a_call_can_be_monitored_for_ever(env: TestEnv) {
    let recorder = Recorder::new();
    env.serve(recorder.work()).await;
    let client: WorkClient = env.client();
    let call = client.run(&ctx(), "a".into()).monitor(Duration::MAX);
    assert_eq!(call.await.unwrap(), "a");
}

async fn many_calls_with_the_shortest_period_share_a_limited_rate_of_messages(env: TestEnv) {
    // What one server sends: a message per 500 µs, and 40 more at once after a pause.
    let most = |time: Duration| time.as_micros() / 500 + 41;
    let mut recorder = Recorder::new();
    observed(&env, &recorder).await;
    let greedy = (1..=60).map(|number| {
        let mut request = raw::call(&env, number, "hold", "greedy");
        request.monitor = Some(Duration::from_millis(1));
        let env = env.clone();
        tokio::spawn(async move { drop(raw::send(&env, request).await) })
    });
    let greedy: Vec<_> = greedy.collect();
    let mut running = 0;
    while running < greedy.len() {
        running += usize::from(matches!(recorder.next().await, Event::Began(_)));
    }
    let since = Instant::now();
    still_running_messages(&mut recorder);
    let client: WorkClient = env.client();
    let millis = PERIOD.as_millis() as u64 * 4;
    let ordinary = tokio::spawn(client.sleep(&ctx(), millis).monitor(PERIOD));
    let other = WorkClient::from(RpcClient::new(env.connect().await, env.target()));
    while !ordinary.is_finished() {
        assert_eq!(other.run(&ctx(), "other".into()).await.unwrap(), "other");
        sleep(PERIOD / 20).await;
    }
    assert_eq!(ordinary.await.unwrap().expect("its server reports in time"), millis);
    let sent = still_running_messages(&mut recorder);
    let most = most(since.elapsed());
    assert!(sent > greedy.len() && sent as u128 <= most, "{sent}, at most {most}");
    recorder.release(greedy.len());
    for call in greedy {
        call.await.unwrap();
    }
}

cases! {
    monitor_replies_keep_a_long_call_alive;
    a_client_can_monitor_all_its_calls;
    a_missed_monitor_ends_the_call_long_before_its_timeout;
    after_a_missed_monitor_it_is_unknown_whether_the_method_ran;
    a_call_that_no_server_receives_misses_its_monitor;
    monitor_replies_do_not_extend_the_timeout;
    no_monitor_reply_is_sent_unless_asked_for;
    no_monitor_reply_follows_a_reply;
    a_blocking_method_is_monitored_too;
    a_monitor_period_of_zero_ends_the_call_and_not_the_server;
    a_call_can_be_monitored_for_ever;
    many_calls_with_the_shortest_period_share_a_limited_rate_of_messages;
}
