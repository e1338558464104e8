//! Messages as older, other and broken peers write them.

use rpc_tests::interop::{InteropEnv, Message, Raw, cases};
use serde_json::{Value, json};

use crate::rust_service::{serve, serve_in_order};

/// Returns the message that a call puts in its envelope.
fn request(env: &InteropEnv, method: &str, args: Value) -> Value {
    json!({
        "method": method, "args": args,
        "_msg_id": "0123456789abcdef0123456789abcdef", "_reply_q": replies(env), "_timeout": null,
        "_unique_id": format!("{:032x}", fastrand(env)),
    })
}

fn fastrand(env: &InteropEnv) -> u128 {
    use std::hash::{BuildHasher, RandomState};
    u128::from(RandomState::new().hash_one(env.topic()))
}

fn replies(env: &InteropEnv) -> String {
    format!("reply-{}", env.topic())
}

fn sealed(message: &Value) -> String {
    json!({ "oslo.version": "2.0", "oslo.message": message.to_string() }).to_string()
}

/// Declares a reply queue, and returns the peer that publishes to the case's topic and consumes from that queue.
async fn raw(env: &InteropEnv) -> &Raw {
    let raw = env.raw().await;
    raw.declare(&replies(env)).await.unwrap();
    raw
}

async fn answered(env: &InteropEnv, body: &str, how: Value) -> Message {
    let raw = raw(env).await;
    raw.publish(env.topic(), body, how).await.unwrap();
    raw.get(&replies(env)).await.unwrap()
}

async fn a_reply_has_all_its_members_and_properties(env: InteropEnv) {
    serve(&env).await;
    let request = request(&env, "echo", json!({ "value": { "a": "é" } }));
    let reply = answered(&env, &sealed(&request), json!({})).await;
    let mut message = reply.opened();
    assert_eq!(message["_unique_id"].as_str().unwrap().len(), 32, "{message}");
    message["_unique_id"] = json!(null);
    let expected = json!({
        "result": { "a": "é" }, "failure": null, "ending": true,
        "_msg_id": request["_msg_id"], "_unique_id": null,
    });
    assert_eq!(message, expected);
    let properties = &reply.properties;
    assert_eq!(properties["content_type"], "application/json");
    assert_eq!(properties["content_encoding"], "utf-8");
}

async fn a_failure_is_text_with_what_python_needs(env: InteropEnv) {
    serve(&env).await;
    let request = request(&env, "nonesuch", json!({}));
    let message = answered(&env, &sealed(&request), json!({})).await.opened();
    assert_eq!((&message["result"], &message["ending"]), (&json!(null), &json!(true)));
    let failure: Value = serde_json::from_str(message["failure"].as_str().unwrap()).unwrap();
    assert_eq!(failure["class"], "NoSuchMethod");
    assert!(failure["tb"].is_array() && failure["args"].is_array(), "{failure}");
    assert!(failure["kwargs"].is_object() && failure["module"].is_string(), "{failure}");
}

async fn a_monitor_reply_is_an_empty_reply_that_does_not_end_the_call(env: InteropEnv) {
    serve(&env).await;
    let mut request = request(&env, "sleep", json!({ "millis": 1500 }));
    request["_timeout"] = json!(2);
    let sign = answered(&env, &sealed(&request), json!({})).await.opened();
    assert_eq!((&sign["result"], &sign["failure"]), (&json!(null), &json!(null)));
    assert_eq!((&sign["ending"], &sign["_msg_id"]), (&json!(false), &request["_msg_id"]));
    let end = env.raw().await.get(&replies(&env)).await.unwrap().opened();
    assert_eq!((&end["result"], &end["ending"]), (&json!(1500), &json!(true)));
}

async fn a_message_without_an_envelope_is_understood(env: InteropEnv) {
    serve(&env).await;
    let request = request(&env, "add", json!({ "a": 1 }));
    assert_eq!(answered(&env, &request.to_string(), json!({})).await.opened()["result"], 11);
}

async fn a_request_with_the_least_members_is_understood(env: InteropEnv) {
    serve(&env).await;
    let request = json!({ "method": "who", "_msg_id": "m", "_reply_q": replies(&env) });
    let reply = answered(&env, &sealed(&request), json!({})).await.opened();
    assert_eq!((&reply["result"], &reply["_msg_id"]), (&json!("rust"), &json!("m")));
}

async fn a_version_of_null_is_a_failure_and_not_a_timeout(env: InteropEnv) {
    serve(&env).await;
    let mut request = request(&env, "who", json!({}));
    request["version"] = json!(null);
    let reply = answered(&env, &sealed(&request), json!({})).await.opened();
    assert!(reply["failure"].as_str().unwrap().contains("version"), "{reply}");
}

async fn arguments_of_null_are_a_failure_and_not_a_timeout(env: InteropEnv) {
    serve(&env).await;
    let request = request(&env, "add", json!(null));
    let reply = answered(&env, &sealed(&request), json!({})).await.opened();
    assert!(reply["failure"].is_string() && reply["result"].is_null(), "{reply}");
}

async fn a_call_without_a_reply_queue_is_run_as_a_cast(env: InteropEnv) {
    let mut seen = serve(&env).await;
    let raw = env.raw().await;
    let request = json!({ "method": "record", "args": { "value": "a" }, "_msg_id": "m" });
    raw.publish(env.topic(), &sealed(&request), json!({})).await.unwrap();
    assert_eq!(seen.next().await, ("rust", "a".into()));
    assert_eq!(env.python().await.call("add", json!({ "a": 1 })).await.unwrap(), 11);
}

async fn a_request_that_comes_twice_is_run_once(env: InteropEnv) {
    let mut seen = serve_in_order(&env).await;
    let raw = raw(&env).await;
    let request = sealed(&request(&env, "record", json!({ "value": "a" })));
    for _ in 0..3 {
        raw.publish(env.topic(), &request, json!({})).await.unwrap();
    }
    env.python().await.call("nothing", json!({})).await.unwrap();
    assert_eq!(seen.next().await, ("rust", "a".into()));
    assert!(seen.rest().is_empty());
}

async fn a_reply_queue_that_is_gone_does_not_disturb_others(env: InteropEnv) {
    let mut seen = serve(&env).await;
    let raw = raw(&env).await;
    let request = request(&env, "hold", json!({}));
    raw.publish(env.topic(), &sealed(&request), json!({})).await.unwrap();
    seen.next().await;
    raw.delete(&replies(&env)).await.unwrap();
    seen.release();
    for number in 0..10 {
        let sum = env.python().await.call("add", json!({ "a": number })).await.unwrap();
        assert_eq!(sum, number + 10);
    }
}

/// 16 MB of blanks, as Python's `bz2` compresses them.
const BZIP2_BOMB: [u8; 45] = [
    0x42, 0x5a, 0x68, 0x39, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, 0x25, 0xe4, 0x1f, 0xdd, 0x00, 0x80,
    0x80, 0x90, 0x00, 0xc0, 0x00, 0x00, 0x08, 0x20, 0x00, 0x30, 0x80, 0x29, 0x1a, 0x01, 0x00, 0xd2,
    0x01, 0x00, 0xe2, 0xee, 0x48, 0xa7, 0x0a, 0x12, 0x04, 0xbc, 0x83, 0xfb, 0xa0,
];

async fn messages_that_cannot_be_read_do_not_disturb_others(env: InteropEnv) {
    let mut seen = serve_in_order(&env).await;
    let raw = env.raw().await;
    let good = sealed(&json!({ "method": "record", "args": { "value": "bad" } }));
    let bomb: String = BZIP2_BOMB.into_iter().map(char::from).collect();
    let bodies = [
        ("", json!({})),
        ("no json", json!({})),
        ("[1, 2]", json!({})),
        ("\"text\"", json!({})),
        ("{}", json!({})),
        (r#"{"oslo.version": "2.0", "oslo.message": {"method": "record"}}"#, json!({})),
        (r#"{"oslo.version": "2.0", "oslo.message": "{\"method\": "}"#, json!({})),
        (r#"{"oslo.version": "3.0", "oslo.message": "{\"method\": \"record\"}"}"#, json!({})),
        (r#"{"oslo.version": 2, "oslo.message": "{\"method\": \"record\"}"}"#, json!({})),
        (r#"{"method": 7, "args": {}}"#, json!({})),
        ("\u{ff}\u{fe}\u{0}", json!({ "encoding": "latin-1" })),
        (&*good, json!({ "application_headers": { "compression": "application/x-gzip" } })),
        (
            &*bomb,
            json!({ "encoding": "latin-1", "application_headers": { "compression": "application/x-bz2" } }),
        ),
    ];
    for (body, how) in bodies {
        raw.publish(env.topic(), body, how).await.unwrap();
    }
    env.python().await.cast("record", json!({ "value": "good" })).await.unwrap();
    assert_eq!(env.python().await.call("add", json!({ "a": 1 })).await.unwrap(), 11);
    assert_eq!(seen.next().await, ("rust", "good".into()));
    assert!(seen.rest().is_empty());
}

/// Runs a Python client that compresses what it sends.
async fn compressed(env: InteropEnv, how: &str) {
    serve(&env).await;
    let client = env.python_client().await;
    let url = env.url_with(&format!("kombu_compression={how}"));
    client.connect(how, &url, &[]).await.unwrap();
    for value in [json!("é"), json!({ "$text": 1_000_000 })] {
        let python = client.to(env.topic()).with("transport", how);
        let answer = python.call("echo", json!({ "value": value })).await.unwrap();
        assert_eq!(answer, value);
    }
}

async fn what_is_compressed_by_gzip_is_read(env: InteropEnv) {
    compressed(env, "gzip").await;
}

async fn what_is_compressed_by_bzip2_is_read(env: InteropEnv) {
    compressed(env, "bzip2").await;
}

async fn what_is_compressed_by_lzma_is_read(env: InteropEnv) {
    compressed(env, "lzma").await;
}

cases! {
    a_reply_has_all_its_members_and_properties;
    a_failure_is_text_with_what_python_needs;
    a_monitor_reply_is_an_empty_reply_that_does_not_end_the_call;
    a_message_without_an_envelope_is_understood;
    a_request_with_the_least_members_is_understood;
    a_version_of_null_is_a_failure_and_not_a_timeout;
    arguments_of_null_are_a_failure_and_not_a_timeout;
    a_call_without_a_reply_queue_is_run_as_a_cast;
    a_request_that_comes_twice_is_run_once;
    a_reply_queue_that_is_gone_does_not_disturb_others;
    messages_that_cannot_be_read_do_not_disturb_others;
    what_is_compressed_by_gzip_is_read everywhere;
    what_is_compressed_by_bzip2_is_read;
    what_is_compressed_by_lzma_is_read;
}
