//! Timeouts and call monitoring.

use std::time::{Duration, Instant};

use rpc_tests::interop::{InteropEnv, cases};
use serde_json::json;

use crate::rust_service::{Seen, serve, serve_in_order};

const TIMED_OUT: &str = "oslo_messaging.exceptions.MessagingTimeout";

async fn a_caller_that_ran_out_of_time_does_not_disturb_the_server(env: InteropEnv) {
    let mut seen = serve(&env).await;
    let python = env.python().await.with("timeout", 2);
    let error = python.call("hold", json!({})).await.unwrap_err();
    assert_eq!(error.name(), TIMED_OUT);
    assert_eq!(seen.next().await, ("rust", "hold".into()));
    seen.release();
    let sum = env.python().await.call("add", json!({ "a": 1 })).await.unwrap();
    assert_eq!(sum, 11, "its late answer disturbs nobody");
}

async fn a_method_knows_how_long_its_caller_waits(env: InteropEnv) {
    serve(&env).await;
    let python = env.python().await.with("timeout", 20);
    let left = python.call("remaining", json!({})).await.unwrap().as_u64().unwrap();
    assert!((10_000..=20_000).contains(&left), "{left}");
}

async fn a_call_that_expired_in_the_queue_is_not_run(env: InteropEnv) {
    let mut seen = Seen::new();
    let first = env.serve(seen.service("first")).await;
    first.stop();
    first.wait().await.unwrap();
    let python = env.python().await.with("timeout", 1);
    let error = python.call("record", json!({ "value": "late" })).await.unwrap_err();
    assert_eq!(error.name(), TIMED_OUT);
    env.serve(seen.service("second")).await;
    env.python().await.cast("record", json!({ "value": "fresh" })).await.unwrap();
    assert_eq!(seen.next().await, ("second", "fresh".into()));
    assert!(seen.rest().is_empty());
}

async fn monitor_replies_keep_a_long_call_alive(env: InteropEnv) {
    serve(&env).await;
    let python = env.python().await.with("timeout", 30).with("call_monitor_timeout", 2);
    assert_eq!(python.call("sleep", json!({ "millis": 4500 })).await.unwrap(), 4500);
}

async fn monitor_replies_begin_when_a_call_has_waited_for_its_turn(env: InteropEnv) {
    let mut seen = serve_in_order(&env).await;
    env.python().await.cast("sleep", json!({ "millis": 500 })).await.unwrap();
    seen.next().await;
    let python = env.python().await.with("timeout", 30).with("call_monitor_timeout", 3);
    assert_eq!(python.call("sleep", json!({ "millis": 3500 })).await.unwrap(), 3500);
}

async fn without_monitor_replies_a_monitored_call_ends_early(env: InteropEnv) {
    let server = env.serve(Seen::new().service("rust")).await;
    server.stop();
    server.wait().await.unwrap();
    let began = Instant::now();
    let python = env.python().await.with("timeout", 30).with("call_monitor_timeout", 2);
    let error = python.call("add", json!({ "a": 1 })).await.unwrap_err();
    assert_eq!(error.name(), TIMED_OUT);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

async fn a_call_that_is_not_monitored_gets_no_monitor_replies(env: InteropEnv) {
    serve(&env).await;
    // The library fails a call that gets one all the same.
    let python = env.python().await.with("timeout", 30);
    assert_eq!(python.call("sleep", json!({ "millis": 2500 })).await.unwrap(), 2500);
}

cases! {
    a_caller_that_ran_out_of_time_does_not_disturb_the_server everywhere;
    a_method_knows_how_long_its_caller_waits;
    a_call_that_expired_in_the_queue_is_not_run;
    monitor_replies_keep_a_long_call_alive everywhere;
    monitor_replies_begin_when_a_call_has_waited_for_its_turn;
    without_monitor_replies_a_monitored_call_ends_early;
    a_call_that_is_not_monitored_gets_no_monitor_replies;
}
