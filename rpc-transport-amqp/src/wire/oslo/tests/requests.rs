//! Requests, encoding and decoding.

use std::time::Duration;

use rpc_core::{Codec, ContextEntries, MessageId, Payload, Request, TraceContext, Value, Version};

use super::{decode, message_in, reply_to, reply_to_for, value};
use crate::wire::Decoded;
use crate::wire::oslo::request;
use crate::wire::request::CallFields;

const CALL: CallFields<'_> = CallFields { id: "77bb", reply_queue: "reply_0d50" };
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn entries(entries: &[(&str, Value)]) -> ContextEntries {
    entries.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
}

fn round_trip(request: &Request) -> Request {
    let body = request::encode(request, Some(CALL)).unwrap();
    let Decoded { request, reply_to: decoded } = request::decode(&body, None, usize::MAX).unwrap();
    assert_eq!(decoded, reply_to_for(request.id.to_bits()));
    assert!(request.wants_reply);
    request
}

/// Returns a valid call with these members added.
fn call_with(members: &str) -> String {
    format!(r#"{{"method": "m", {members}, "_msg_id": "77bb", "_reply_q": "reply_0d50"}}"#)
}

fn rejected(members: &str) -> String {
    let error = decode(&call_with(members)).unwrap_err();
    assert_eq!(error.reply_to, reply_to(), "{}", error.reason);
    error.reason
}

#[test]
fn a_call_is_written_as_python_writes_it() {
    let mut request = super::request("echo", r#"{"value":["é",1.0,"\"\\"]}"#);
    request.namespace = Some("control".into());
    request.version = Version::new(2, 1);
    request.monitor = Some(Duration::from_millis(2001));
    request.entries =
        entries(&[("user", "bob".into()), ("roles", Value::Array(vec!["a\"".into()]))]);
    let message = message_in(&request::encode(&request, Some(CALL)).unwrap());
    assert_eq!(
        message,
        serde_json::json!({
            "method": "echo", "args": {"value": ["é", 1.0, "\"\\"]}, "namespace": "control", "version": "2.1",
            "_msg_id": "77bb", "_reply_q": "reply_0d50", "_timeout": 3,
            "_unique_id": "000000000000000000000000000000ab",
            "_context_user": "bob", "_context_roles": ["a\""],
        })
    );
}

#[test]
#[cfg(feature = "compression")]
fn a_native_message_is_not_found_in_a_compressed_body() {
    let native = [0xc1, 1, 1, 0];
    let body = crate::wire::oslo::decompression::samples::zlib(&native);
    let error = request::decode(&body, Some("gzip"), usize::MAX).unwrap_err();
    assert!(error.reason.starts_with("the body is not UTF-8"), "{}", error.reason);
}

#[test]
fn a_cast_says_no_more_than_it_must() {
    let message = message_in(&request::encode(&super::request("m", ""), None).unwrap());
    let unique_id = "000000000000000000000000000000ab";
    assert_eq!(message, serde_json::json!({"method": "m", "args": {}, "_unique_id": unique_id}));
}

#[test]
fn a_request_comes_back_as_it_was() {
    let mut sent = super::request("m\"\\\n🦀", r#"{"a": {"b": [1, "\ud83e\udd80"]}}"#);
    sent.namespace = Some("".into());
    sent.version = Version::new(1, 3).with_revision(2);
    sent.monitor = Some(Duration::from_secs(7));
    sent.trace =
        Some(Box::new(TRACE.parse::<TraceContext>().unwrap().with_trace_state("vendor=1")));
    sent.entries = entries(&[
        ("", Value::Null),
        ("a.b\"\n", Value::Float(1.0)),
        ("msg_id", "kept".into()),
        ("client_timeout", Value::Int(60)),
    ]);
    let received = round_trip(&sent);
    assert_eq!(received.id, sent.id);
    assert_eq!(received.method, sent.method);
    assert_eq!(received.args, sent.args);
    assert_eq!(received.namespace, sent.namespace);
    assert_eq!(received.version, sent.version);
    assert_eq!(received.monitor, sent.monitor);
    assert_eq!(received.trace, sent.trace);
    assert_eq!(received.entries, sent.entries);
    assert_eq!(received.deadline, None);
}

#[test]
fn the_trace_of_a_request_comes_before_entries_of_its_name() {
    let mut sent = super::request("m", "{}");
    sent.trace = Some(Box::new(TRACE.parse().unwrap()));
    sent.entries = entries(&[("traceparent", "mine".into()), ("tracestate", "mine".into())]);
    let received = round_trip(&sent);
    assert_eq!(received.trace, sent.trace);
    assert!(received.entries.is_empty());
}

#[test]
fn what_is_no_trace_is_an_entry_like_others() {
    let mut sent = super::request("m", "{}");
    sent.entries = entries(&[("traceparent", "mine".into()), ("tracestate", Value::Int(1))]);
    let received = round_trip(&sent);
    assert_eq!(received.trace, None);
    assert_eq!(received.entries, sent.entries);
}

#[test]
fn a_monitor_is_written_so_that_python_heeds_it() {
    for (monitor, written) in [(1, "2"), (2000, "2"), (2001, "3"), (60_000, "60")] {
        let mut request = super::request("m", "{}");
        request.monitor = Some(Duration::from_millis(monitor));
        let message = message_in(&request::encode(&request, Some(CALL)).unwrap());
        assert_eq!(message["_timeout"].to_string(), written);
    }
}

#[test]
fn a_monitor_is_read_as_the_number_that_a_python_client_writes() {
    for (timeout, seconds) in [
        ("2", Some(2.0)),
        ("2.9", Some(2.9)),
        (r#""2""#, Some(2.0)),
        (r#"" 30 ""#, Some(30.0)),
        ("1e1", Some(10.0)),
        ("1e300", Some(4_294_967_296.0)),
        ("99999999999999999999999", None),
        ("null", None),
        ("0", None),
        ("1", Some(1.0)),
        ("0.5", Some(0.5)),
        ("-5", None),
        ("true", None),
        (r#""""#, None),
        (r#""soon""#, None),
        ("[3]", None),
        ("NaN", None),
        ("Infinity", None),
    ] {
        let decoded = decode(&call_with(&format!(r#""_timeout": {timeout}"#))).unwrap();
        assert_eq!(decoded.request.monitor, seconds.map(Duration::from_secs_f64), "{timeout}");
    }
}

#[test]
fn message_pack_arguments_become_json() {
    let bytes = Codec::MessagePack.encode(&std::collections::BTreeMap::from([("a", 1)])).unwrap();
    let request =
        Request::new(MessageId::from_bits(1), "m", Payload::new(Codec::MessagePack, bytes));
    assert_eq!(round_trip(&request).args, super::json(r#"{"a":1}"#));
}

#[test]
fn arguments_that_are_not_json_are_not_sent() {
    for args in ["{", "{}, \"_msg_id\": \"x\"", "]"] {
        let reason = request::encode(&super::request("m", args), None).unwrap_err();
        assert!(reason.starts_with("the arguments cannot be encoded: not JSON: "), "{reason}");
    }
}

#[test]
fn missing_members_have_their_defaults() {
    let decoded = decode(r#"{"method": "m"}"#).unwrap();
    assert_eq!(decoded.reply_to, None);
    assert!(!decoded.request.wants_reply);
    assert_eq!(decoded.request.args, super::json("{}"));
    assert_eq!(decoded.request.version, Version::V1_0);
    assert_eq!(decoded.request.namespace, None);
    assert_eq!(decode(r#"{"method": "m", "namespace": null}"#).unwrap().request.namespace, None);
}

#[test]
fn who_gives_no_queue_or_no_id_is_not_answered() {
    for members in [
        r#""_msg_id": "77bb""#,
        r#""_reply_q": "reply_0d50""#,
        r#""_msg_id": "", "_reply_q": "reply_0d50""#,
        r#""_msg_id": "77bb", "_reply_q": null"#,
    ] {
        let decoded = decode(&format!(r#"{{"method": "m", {members}}}"#)).unwrap();
        assert_eq!(decoded.reply_to, None, "{members}");
        assert!(!decoded.request.wants_reply);
    }
}

#[test]
fn only_a_message_that_says_so_is_a_repeated_one() {
    let id = |member: &str| decode(&format!(r#"{{"method": "m"{member}}}"#)).unwrap().request.id;
    assert_eq!(id(r#", "_unique_id": "Ab""#), MessageId::from_bits(0xab));
    for text in
        [r#", "_unique_id": "req-1""#, r#", "_unique_id": "0123456789abcdef0123456789abcdef0""#]
    {
        assert_eq!(id(text), id(text));
    }
    for missing in ["", r#", "_unique_id": null"#, r#", "_unique_id": """#, r#", "_unique_id": 7"#]
    {
        assert_ne!(id(missing), id(missing));
    }
}

#[test]
fn of_members_of_one_name_the_last_one_counts() {
    let decoded =
        decode(r#"{"method": "a", "_context_k": 1, "m\u0065thod": "b", "_context_k": 2}"#);
    let request = decoded.unwrap().request;
    assert_eq!(request.method, "b");
    assert_eq!(request.entries, entries(&[("k", Value::Int(2))]));
}

#[test]
fn what_cannot_be_read_is_said_to_its_caller() {
    assert_eq!(rejected(r#""version": null"#), "`version`: it is not a string");
    assert_eq!(rejected(r#""version": 1.0"#), "`version`: it is not a string");
    assert!(rejected(r#""version": "one""#).starts_with("`version`: invalid version \"one\""));
    assert_eq!(rejected(r#""namespace": 7"#), "`namespace`: it is not a string");
    assert_eq!(rejected(r#""method": null"#), "`method`: it is not a string");
    let reason = rejected(r#""method": "\ud800""#);
    assert_eq!(reason, "`method`: it contains a lone surrogate, which is not valid Unicode");
    let error = decode(r#"{"_msg_id": "77bb", "_reply_q": "reply_0d50"}"#).unwrap_err();
    assert_eq!(error.reason, "the request has no `method`");
    assert_eq!(error.message_id, None);
    let unnamed = decode(r#"{"_unique_id": "ab", "version": null}"#).unwrap_err();
    assert_eq!(unnamed.message_id, Some(MessageId::from_bits(0xab)));
    assert_eq!(error.reply_to, reply_to());
}

#[test]
fn numbers_that_would_change_are_said_to_the_caller() {
    assert_eq!(
        rejected(r#""args": {"a": [1180591620717411303424]}"#),
        "`args`: the integer 1180591620717411303424 does not fit in 64 bits"
    );
    assert_eq!(rejected(r#""args": {"a": NaN}"#), "`args`: NaN is not a number in JSON (RFC 8259)");
    assert_eq!(
        rejected(r#""_context_load": -Infinity"#),
        "the context entry `load`: -Infinity is not a number in JSON (RFC 8259)"
    );
    let digits = "9".repeat(10_000);
    let shown = "9".repeat(40);
    assert_eq!(
        rejected(&format!(r#""args": {digits}"#)),
        format!("`args`: the integer {shown}… does not fit in 64 bits")
    );
}

#[test]
fn an_unreadable_context_entry_is_named() {
    for entry in [r#""\ud800""#, "[1,]", r#"{"a": 1, "a": 2}"#, "nil"] {
        let reason = rejected(&format!(r#""_context_user": {entry}"#));
        assert!(reason.starts_with("the context entry `user`: cannot decode: "), "{reason}");
    }
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    assert!(rejected(&format!(r#""_context_user": {deep}"#)).contains("nested deeper"));
}

#[test]
fn arguments_are_handed_on_as_they_are_written() {
    let args = r#"{"half": "\ud800", "one": 1.0, "large": 18446744073709551615, "bad": tru}"#;
    let decoded = decode(&call_with(&format!(r#""args": {args}"#))).unwrap();
    assert_eq!(decoded.request.args, super::json(args));
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(
        decode(&call_with(&format!(r#""args": {deep}"#))).unwrap().request.args.len(),
        deep.len()
    );
}

#[test]
fn the_caller_of_a_request_that_is_cut_short_is_found() {
    let message = r#"{"_msg_id": "77bb", "_reply_q": "reply_0d50", "method": "m", "args": {"#;
    let error = decode(message).unwrap_err();
    assert_eq!(error.message_id, None);
    assert_eq!(
        error.reason,
        format!("the request is not a JSON object: unexpected end at byte {}", message.len())
    );
    assert_eq!(error.reply_to, reply_to());
    assert_eq!(request::decode(message.as_bytes(), None, 0).unwrap_err().reply_to, reply_to());
}

#[test]
fn a_body_that_is_no_object_is_refused() {
    for body in [
        "[]",
        "\"text\"",
        "",
        "\u{feff}{}",
        "{\"oslo.version\": \"2.1\", \"oslo.message\": \"{}\"}",
    ] {
        assert_eq!(request::decode(body.as_bytes(), None, usize::MAX).unwrap_err().reply_to, None);
    }
}

#[test]
fn a_request_for_values_keeps_floats_and_integers_apart() {
    let decoded = decode(r#"{"method": "m", "args": {"f": 1.0, "i": 1}}"#).unwrap();
    let args = value(&decoded.request.args);
    assert_eq!(args, value(&super::json(r#"{"f": 1.0, "i": 1}"#)));
    assert_ne!(args, value(&super::json(r#"{"f": 1, "i": 1}"#)));
}
