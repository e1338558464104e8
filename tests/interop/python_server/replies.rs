//! Replies as older, other and broken servers write them, and what the client's requests look like to such a server.

use rpc_core::error::TransportErrorKind;
use rpc_core::{CallError, Context, Value, Version};
use rpc_tests::interop::{InteropEnv, Message, Raw, cases};
use serde_json::{Value as Json, json};
use tokio::task::JoinHandle;

use crate::python_service::{PeerClient, ctx, serve};

type Called = JoinHandle<Result<Value, CallError>>;

/// A call of `echo` that a scripted server has received.
struct ReceivedCall {
    raw: Raw,
    message: Message,
    request: Json,
    call: Called,
}

impl ReceivedCall {
    async fn new(env: &InteropEnv) -> Self {
        let raw = env.raw().await.clone();
        raw.declare_bound(env.topic(), "openstack").await.unwrap();
        let (consumer, topic) = (raw.clone(), env.topic().to_owned());
        let message = tokio::spawn(async move { consumer.get(&topic).await });
        // A client that finds a queue without a consumer fails its call before it publishes anything.
        raw.wait_for_consumer(env.topic()).await.unwrap();
        let client: PeerClient = env.client();
        let call = tokio::spawn(client.echo(&Context::new(), "asked".into()).into_future());
        let message = message.await.unwrap().unwrap();
        let request = message.opened();
        Self { raw, message, request, call }
    }

    /// Returns a reply with the members that every reply has. `members` replace them and add others.
    fn reply(&self, members: Json) -> Json {
        let mut reply = json!({
            "result": null, "failure": null, "ending": true, "_msg_id": self.request["_msg_id"],
            "_unique_id": "0123456789abcdef0123456789abcdef",
        });
        for (name, value) in members.as_object().unwrap() {
            reply[name] = value.clone();
        }
        reply
    }

    async fn send(&self, reply: &Json) {
        let body = json!({ "oslo.version": "2.0", "oslo.message": reply.to_string() });
        self.send_body(&body.to_string()).await;
    }

    async fn send_body(&self, body: &str) {
        let queue = self.request["_reply_q"].as_str().unwrap();
        self.raw.publish(queue, body, json!({})).await.unwrap();
    }

    async fn ends(self) -> Result<Value, CallError> {
        self.call.await.unwrap()
    }
}

async fn a_request_has_the_members_and_properties_that_python_needs(env: InteropEnv) {
    let received = ReceivedCall::new(&env).await;
    let request = &received.request;
    assert_eq!(
        (&request["method"], &request["args"]),
        (&json!("echo"), &json!({ "value": "asked" }))
    );
    for id in ["_msg_id", "_unique_id"] {
        assert_eq!(request[id].as_str().unwrap().len(), 32, "{id}: {request}");
    }
    assert!(request["_reply_q"].as_str().unwrap().starts_with("reply_"), "{request}");
    assert!(request["_timeout"].is_null(), "{request}");
    let properties = &received.message.properties;
    assert_eq!(properties["content_type"], "application/json");
    assert_eq!(properties["content_encoding"], "utf-8");
    let expiration: u64 = properties["expiration"].as_str().unwrap().parse().unwrap();
    assert!((50_000..=60_000).contains(&expiration), "{expiration}");
    received.send(&received.reply(json!({ "result": "told" }))).await;
    assert_eq!(received.ends().await.unwrap(), Value::from("told"));
}

async fn a_cast_asks_for_nothing_and_does_not_expire(env: InteropEnv) {
    let raw = env.raw().await;
    raw.declare_bound(env.topic(), "openstack").await.unwrap();
    let target = env.target().namespace("control").version(Version::new(2, 1));
    let client: PeerClient = env.client_of(target);
    client.record(&ctx(), 1.into()).cast().await.unwrap();
    let message = raw.get(env.topic()).await.unwrap();
    let request = message.opened();
    assert_eq!((&request["namespace"], &request["version"]), (&json!("control"), &json!("2.1")));
    for absent in ["_msg_id", "_reply_q"] {
        assert!(request.get(absent).is_none(), "{request}");
    }
    assert!(message.properties.get("expiration").is_none(), "{:?}", message.properties);
}

async fn a_reply_without_an_envelope_is_read(env: InteropEnv) {
    let received = ReceivedCall::new(&env).await;
    received.send_body(&received.reply(json!({ "result": "told" })).to_string()).await;
    assert_eq!(received.ends().await.unwrap(), Value::from("told"));
}

async fn a_reply_with_the_least_members_is_read(env: InteropEnv) {
    let received = ReceivedCall::new(&env).await;
    let least = json!({ "_msg_id": received.request["_msg_id"], "result": "told", "ending": true });
    received.send(&least).await;
    assert_eq!(received.ends().await.unwrap(), Value::from("told"));
}

async fn a_reply_in_two_parts_is_put_together(env: InteropEnv) {
    let received = ReceivedCall::new(&env).await;
    let part = json!({ "_msg_id": received.request["_msg_id"], "result": "told", "failure": null });
    received.send(&part).await;
    received.send(&json!({ "_msg_id": received.request["_msg_id"], "ending": true })).await;
    assert_eq!(received.ends().await.unwrap(), Value::from("told"));
}

async fn the_first_of_several_replies_counts(env: InteropEnv) {
    let received = ReceivedCall::new(&env).await;
    received.send(&received.reply(json!({ "result": "first" }))).await;
    received.send(&received.reply(json!({ "result": "second" }))).await;
    assert_eq!(received.ends().await.unwrap(), Value::from("first"));
    let _python = serve(&env).await;
    let client: PeerClient = env.client();
    assert_eq!(client.who(&ctx()).await.unwrap(), "python");
}

async fn a_monitor_reply_that_nobody_asked_for_does_no_harm(env: InteropEnv) {
    let received = ReceivedCall::new(&env).await;
    received.send(&received.reply(json!({ "ending": false }))).await;
    received.send(&received.reply(json!({ "result": "told" }))).await;
    assert_eq!(received.ends().await.unwrap(), Value::from("told"));
}

async fn replies_that_cannot_be_read_do_not_end_the_call(env: InteropEnv) {
    let received = ReceivedCall::new(&env).await;
    for body in ["", "no json", "[]", "{}", r#"{"oslo.version": "2.0", "oslo.message": "{"}"#] {
        received.send_body(body).await;
    }
    let stranger = json!({ "_msg_id": "somebody else", "result": "wrong", "ending": true });
    received.send(&stranger).await;
    let mut newer = json!({ "oslo.version": "3.0" });
    newer["oslo.message"] = received.reply(json!({ "result": "wrong" })).to_string().into();
    received.send_body(&newer.to_string()).await;
    received.send(&received.reply(json!({ "result": "told" }))).await;
    assert_eq!(received.ends().await.unwrap(), Value::from("told"));
}

async fn failed(env: &InteropEnv, failure: Json) -> CallError {
    let received = ReceivedCall::new(env).await;
    received.send(&received.reply(json!({ "result": "ignored", "failure": failure }))).await;
    received.ends().await.unwrap_err()
}

async fn a_failure_comes_before_a_result(env: InteropEnv) {
    let failure = json!({ "class": "KeyError", "module": "exceptions", "message": "'k'" });
    let error = failed(&env, failure.to_string().into()).await;
    let CallError::Remote(remote) = &error else { panic!("{error:?}") };
    assert_eq!((remote.class(), remote.module()), ("KeyError", Some("builtins")));
    assert_eq!(remote.message(), "'k'");
}

async fn a_failure_that_is_no_text_is_read(env: InteropEnv) {
    let failure = json!({ "class": "KeyError_Remote", "module": "builtins_Remote", "tb": null });
    let error = failed(&env, failure).await;
    let CallError::Remote(remote) = &error else { panic!("{error:?}") };
    assert_eq!((remote.class(), remote.module()), ("KeyError", Some("builtins")));
}

async fn a_failure_that_cannot_be_read_is_a_failure(env: InteropEnv) {
    let error = failed(&env, "{\"class\": ".into()).await;
    assert!(matches!(error, CallError::Remote(_)), "{error:?}");
}

async fn a_result_of_another_type_is_a_bad_reply(env: InteropEnv) {
    let _python = serve(&env).await;
    let client: rpc_core::RpcClient = env.client();
    let error = client.call::<u64>(&ctx(), "who", &rpc_core::Map::new()).await.unwrap_err();
    let CallError::Transport(lost) = &error else { panic!("{error:?}") };
    assert_eq!(lost.kind(), TransportErrorKind::MalformedReply);
}

/// Calls a Python server that compresses what it sends.
async fn compressed(env: InteropEnv, how: &str) {
    let python = env.python_server("python").await;
    let python = python.options(&format!("kombu_compression={how}"));
    let _python = python.start().await.unwrap();
    let client: PeerClient = env.client();
    assert_eq!(client.who(&ctx()).await.unwrap(), "python");
    let large = rpc_tests::interop::text(1_000_000);
    assert!(client.big(&ctx(), 1_000_000).await.unwrap() == large);
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
    a_request_has_the_members_and_properties_that_python_needs;
    a_cast_asks_for_nothing_and_does_not_expire;
    a_reply_without_an_envelope_is_read;
    a_reply_with_the_least_members_is_read;
    a_reply_in_two_parts_is_put_together;
    the_first_of_several_replies_counts;
    a_monitor_reply_that_nobody_asked_for_does_no_harm;
    replies_that_cannot_be_read_do_not_end_the_call;
    a_failure_comes_before_a_result;
    a_failure_that_is_no_text_is_read;
    a_failure_that_cannot_be_read_is_a_failure;
    a_result_of_another_type_is_a_bad_reply;
    what_is_compressed_by_gzip_is_read everywhere;
    what_is_compressed_by_bzip2_is_read;
    what_is_compressed_by_lzma_is_read;
}
