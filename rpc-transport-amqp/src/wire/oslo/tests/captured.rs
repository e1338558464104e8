//! What a real peer has put on the wire: oslo.messaging 18.3.1, tracebacks shortened.

use std::time::Duration;

use rpc_core::{FailureKind, Value, Version};

use super::{json, value};
use crate::wire::oslo::{reply, request};
use crate::wire::{Decoded, Reply};

pub(super) const CALL: &str = r#"{"oslo.version": "2.0", "oslo.message": "{\"method\": \"echo\", \"args\": {\"value\": {\"a\": [1, 2.5, \"\\u00e9\"]}}, \"_msg_id\": \"77bb9132f61c4200873ac760319a0d61\", \"_reply_q\": \"reply_0d50b22ad9d6499c8ae2a7d7bca45855\", \"_timeout\": null, \"_unique_id\": \"dbc0c737da104e30a3a211eecf8a7556\", \"_context_user\": \"bob\", \"_context_request_id\": \"req-1\", \"_context_roles\": [\"admin\"]}"}"#;

const VERSIONED: &str = r#"{"oslo.version": "2.0", "oslo.message": "{\"method\": \"version\", \"args\": {}, \"namespace\": \"control\", \"version\": \"2.1\", \"_msg_id\": \"3b2b0a57c79f469483789f5418bc5534\", \"_reply_q\": \"reply_0d50b22ad9d6499c8ae2a7d7bca45855\", \"_timeout\": null, \"_unique_id\": \"1bdd5c5c877d421abc36e66858b73725\"}"}"#;

const CAST: &str = r#"{"oslo.version": "2.0", "oslo.message": "{\"method\": \"record\", \"args\": {\"value\": 1}, \"_unique_id\": \"b4efc89f198b4af39f6aee4608e96432\"}"}"#;

const MONITORED: &str = r#"{"oslo.version": "2.0", "oslo.message": "{\"method\": \"sleep\", \"args\": {\"seconds\": 2.5}, \"_msg_id\": \"62f5a628ee5e447f92b7d2e1c5a388bb\", \"_reply_q\": \"reply_0d50b22ad9d6499c8ae2a7d7bca45855\", \"_timeout\": 2, \"_unique_id\": \"dbb113e986db4f9e87cb8254b05c096e\"}"}"#;

const REPLY: &str = r#"{"oslo.version": "2.0", "oslo.message": "{\"result\": {\"a\": [1, 2.5, \"\\u00e9\"]}, \"failure\": null, \"ending\": true, \"_msg_id\": \"77bb9132f61c4200873ac760319a0d61\", \"_unique_id\": \"4af5ec5c5439421b837f430558587f8b\"}"}"#;

const NOTHING: &str = r#"{"oslo.version": "2.0", "oslo.message": "{\"result\": null, \"failure\": null, \"ending\": true, \"_msg_id\": \"650d6d74b37b43f2b124dba21dc8de9b\", \"_unique_id\": \"e9ef69a6b4424341a03d1b3c6a4c7669\"}"}"#;

const HEARTBEAT: &str = r#"{"oslo.version": "2.0", "oslo.message": "{\"result\": null, \"failure\": null, \"ending\": false, \"_msg_id\": \"62f5a628ee5e447f92b7d2e1c5a388bb\", \"_unique_id\": \"f816f64a45b2443c8b20298d16d0c87e\"}"}"#;

pub(super) const VALUE_ERROR: &str = r#"{"oslo.version": "2.0", "oslo.message": "{\"result\": null, \"failure\": \"{\\\"class\\\": \\\"ValueError\\\", \\\"module\\\": \\\"builtins\\\", \\\"message\\\": \\\"('boom', 7, ['a', 'b'])\\\", \\\"tb\\\": [\\\"Traceback (most recent call last):\\\\n\\\", \\\"  File \\\\\\\"peer_server.py\\\\\\\", line 125, in do_raise\\\\n    ...\\\\n\\\", \\\"ValueError: ('boom', 7, ['a', 'b'])\\\\n\\\"], \\\"args\\\": [\\\"boom\\\", 7, [\\\"a\\\", \\\"b\\\"]], \\\"kwargs\\\": {}}\", \"ending\": true, \"_msg_id\": \"fa00b04bdb2c4553bdb83f8d15d3af22\", \"_unique_id\": \"96217f951f9a40569c49751bc0245ee3\"}"}"#;

const KWARGS_ERROR: &str = r#"{"oslo.version": "2.0", "oslo.message": "{\"result\": null, \"failure\": \"{\\\"class\\\": \\\"PeerKwargsError\\\", \\\"module\\\": \\\"oslo_peer_errors\\\", \\\"message\\\": \\\"peer error: ['count', 'who']\\\", \\\"tb\\\": [\\\"oslo_peer_errors.PeerKwargsError: peer error: ['count', 'who']\\\\n\\\"], \\\"args\\\": [\\\"peer error: ['count', 'who']\\\"], \\\"kwargs\\\": {\\\"who\\\": \\\"boom\\\", \\\"count\\\": 3}}\", \"ending\": true, \"_msg_id\": \"214932c506d44e71ab42964e190d8c02\", \"_unique_id\": \"99eb4dfe3c814315a7a7e2ae44ecac33\"}"}"#;

const NO_SUCH_METHOD: &str = r#"{"oslo.version": "2.0", "oslo.message": "{\"result\": null, \"failure\": \"{\\\"class\\\": \\\"NoSuchMethod\\\", \\\"module\\\": \\\"oslo_messaging.rpc.dispatcher\\\", \\\"message\\\": \\\"Endpoint does not support RPC method nope\\\", \\\"tb\\\": [\\\"Traceback (most recent call last):\\\\n\\\", \\\"  File \\\\\\\"site-packages/oslo_messaging/rpc/server.py\\\\\\\", line 176, in _process_incoming\\\\n    ...\\\\n\\\", \\\"  File \\\\\\\"site-packages/oslo_messaging/rpc/dispatcher.py\\\\\\\", line 318, in dispatch\\\\n    ...\\\\n\\\", \\\"oslo_messaging.rpc.dispatcher.NoSuchMethod: Endpoint does not support RPC method nope\\\\n\\\"], \\\"args\\\": [\\\"Endpoint does not support RPC method nope\\\"], \\\"kwargs\\\": {}}\", \"ending\": true, \"_msg_id\": \"dfbf664fd3a946c8ae9d5a5dd3e00cf3\", \"_unique_id\": \"c0e8e4ca4ad74558b8ffb8f40427180b\"}"}"#;

fn request(body: &str) -> Decoded {
    request::decode(body.as_bytes(), None, usize::MAX).unwrap()
}

fn content(body: &str) -> Reply {
    reply::decode(body.as_bytes(), None, usize::MAX).unwrap().1
}

fn failure(body: &str) -> rpc_core::Failure {
    match content(body) {
        Reply::Final(Err(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_call_with_context_is_read() {
    let Decoded { request, reply_to } = request(CALL);
    let reply_to = reply_to.unwrap();
    assert_eq!(&*reply_to.call_id, "77bb9132f61c4200873ac760319a0d61");
    assert_eq!(&*reply_to.queue, "reply_0d50b22ad9d6499c8ae2a7d7bca45855");
    assert_eq!(request.id.to_string(), "dbc0c737da104e30a3a211eecf8a7556");
    assert_eq!(request.method, "echo");
    assert_eq!(request.args, json(r#"{"value": {"a": [1, 2.5, "\u00e9"]}}"#));
    assert_eq!((request.namespace, request.version), (None, Version::V1_0));
    assert_eq!((request.monitor, request.wants_reply), (None, true));
    let entries: Vec<_> = request.entries.iter().map(|(key, _)| key).collect();
    assert_eq!(entries, ["request_id", "roles", "user"]);
    assert_eq!(request.entries.get("user"), Some(&Value::from("bob")));
}

#[test]
fn a_call_with_namespace_and_version_is_read() {
    let request = request(VERSIONED).request;
    assert_eq!(request.namespace.as_deref(), Some("control"));
    assert_eq!(request.version, Version::new(2, 1));
}

#[test]
fn a_cast_is_read() {
    let decoded = request(CAST);
    assert_eq!(decoded.reply_to, None);
    assert!(!decoded.request.wants_reply);
}

#[test]
fn a_monitored_call_is_read() {
    assert_eq!(request(MONITORED).request.monitor, Some(Duration::from_secs(2)));
}

#[test]
fn replies_are_read() {
    let Reply::Final(Ok(result)) = content(REPLY) else { panic!() };
    assert_eq!(value(&result), value(&json(r#"{"a": [1, 2.5, "é"]}"#)));
    assert!(matches!(content(NOTHING), Reply::End));
    assert!(matches!(content(HEARTBEAT), Reply::StillRunning));
}

#[test]
fn a_built_in_exception_is_read() {
    let failure = failure(VALUE_ERROR);
    assert_eq!(failure.kind(), FailureKind::Error);
    assert_eq!((failure.class(), failure.module()), ("ValueError", Some("builtins")));
    assert_eq!(failure.message(), "('boom', 7, ['a', 'b'])");
    assert_eq!(failure.details(), Some(&json(r#"["boom", 7, ["a", "b"]]"#)));
    assert_eq!(failure.causes()[0], "Traceback (most recent call last):");
    assert_eq!(failure.causes()[1], "  File \"peer_server.py\", line 125, in do_raise\n    ...");
}

#[test]
fn an_exception_with_keyword_arguments_is_read() {
    let failure = failure(KWARGS_ERROR);
    assert_eq!((failure.class(), failure.module()), ("PeerKwargsError", Some("oslo_peer_errors")));
    assert_eq!(failure.details(), Some(&json(r#"{"who": "boom", "count": 3}"#)));
}

#[test]
fn an_unknown_method_is_read_as_one() {
    assert_eq!(failure(NO_SUCH_METHOD).kind(), FailureKind::UnknownMethod);
}
