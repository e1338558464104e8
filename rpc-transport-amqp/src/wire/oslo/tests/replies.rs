//! Replies, encoding and decoding.

use rpc_core::{Codec, Failure, FailureKind, Payload};

use super::{decode_enveloped_reply, json, message_in};
use crate::wire::Reply;
use crate::wire::oslo::reply;

fn content(members: &str) -> Reply {
    let (msg_id, reply) = decode_enveloped_reply(&format!(r#"{{"_msg_id": "77bb"{members}}}"#));
    assert_eq!(msg_id, "77bb");
    reply
}

#[test]
fn a_reply_has_all_five_members() {
    let message = message_in(&reply::encode("77bb", &Ok(json(r#" {"a": "\u00e9\""} "#)), None));
    assert_eq!(message["result"], serde_json::json!({"a": "é\""}));
    assert_eq!(message["failure"], serde_json::Value::Null);
    assert_eq!(message["ending"], true);
    assert_eq!(message["_msg_id"], "77bb");
    assert_eq!(message["_unique_id"].as_str().unwrap().len(), 32);
    assert_eq!(message.as_object().unwrap().len(), 5);
}

#[test]
fn each_attempt_to_reply_has_an_id_of_its_own() {
    let id = || message_in(&reply::encode_still_running("77bb"))["_unique_id"].clone();
    assert_ne!(id(), id());
}

#[test]
fn a_result_comes_back_as_it_was() {
    for result in [r#"{"a": [1, 2.5, "\u00e9"]}"#, "1.0", "18446744073709551615", r#""\"\\ 🦀""#]
    {
        let body = reply::encode("77bb", &Ok(json(result)), None);
        let (msg_id, reply) = reply::decode(&body, None, usize::MAX).unwrap();
        assert_eq!(msg_id, "77bb");
        assert!(matches!(reply, Reply::Final(Ok(read)) if read == json(result)));
    }
}

#[test]
fn a_message_pack_result_becomes_json() {
    let bytes = Codec::MessagePack.encode(&[1, 2]).unwrap();
    let outcome = Ok(Payload::new(Codec::MessagePack, bytes));
    assert_eq!(
        message_in(&reply::encode("77bb", &outcome, None))["result"],
        serde_json::json!([1, 2])
    );
}

#[test]
fn a_result_that_is_not_json_becomes_a_failure() {
    for bytes in [b"".as_slice(), b"\xff", b"1, \"failure\": 1", b"[1"] {
        let outcome = Ok(Payload::new(Codec::Json, bytes.to_vec()));
        let (_, reply) =
            reply::decode(&reply::encode("77bb", &outcome, None), None, usize::MAX).unwrap();
        let Reply::Final(Err(failure)) = reply else { panic!("{reply:?}") };
        assert_eq!(failure.kind(), FailureKind::UnencodableResult);
        assert!(
            failure.message().contains("its result cannot be encoded as JSON: not JSON: "),
            "{failure}"
        );
    }
}

#[test]
fn a_heartbeat_is_read_as_one() {
    let (_, reply) = reply::decode(&reply::encode_still_running("77bb"), None, usize::MAX).unwrap();
    assert!(matches!(reply, Reply::StillRunning));
}

#[test]
fn a_reply_without_failure_member_is_still_read() {
    assert!(matches!(content(r#", "result": 1, "ending": true"#), Reply::Final(Ok(_))));
}

#[test]
fn a_reply_without_value_ends_the_call() {
    for members in
        ["", r#", "result": null"#, r#", "result": null, "failure": null"#, r#", "failure": """#]
    {
        assert!(
            matches!(content(&format!(r#"{members}, "ending": true"#)), Reply::End),
            "{members}"
        );
    }
}

#[test]
fn a_value_without_an_end_is_a_part() {
    for members in [r#", "result": 1"#, r#", "result": 1, "ending": false"#, r#", "result": 0"#] {
        assert!(matches!(content(members), Reply::FirstPart(Ok(_))), "{members}");
    }
    assert!(matches!(content(r#", "failure": "{}", "ending": false"#), Reply::FirstPart(Err(_))));
}

#[test]
fn a_failure_comes_before_a_result() {
    let both = content(r#", "result": 1, "failure": "{\"class\": \"KeyError\"}", "ending": true"#);
    assert!(matches!(both, Reply::Final(Err(failure)) if failure.class() == "KeyError"));
}

#[test]
fn a_result_that_would_change_is_a_failure_after_the_method_ran() {
    for (result, reason) in [
        ("[1180591620717411303424]", "the integer 1180591620717411303424 does not fit in 64 bits"),
        ("NaN", "NaN is not a number in JSON (RFC 8259)"),
    ] {
        let content = content(&format!(r#", "result": {result}, "ending": true"#));
        let Reply::Final(Err(failure)) = content else { panic!("{content:?}") };
        assert_eq!(failure.kind(), FailureKind::UnencodableResult);
        assert_eq!(
            failure.message(),
            format!("the method succeeded, but its result cannot be decoded: {reason}")
        );
    }
}

#[test]
fn a_reply_to_nobody_is_refused() {
    for message in
        [r#"{"result": 1, "ending": true}"#, r#"{"_msg_id": null}"#, r#"{"_msg_id": "a""#]
    {
        assert!(reply::decode(message.as_bytes(), None, usize::MAX).is_err(), "{message}");
    }
}

#[test]
fn a_failure_that_cannot_be_read_still_ends_the_call() {
    for failure in [r#""{\"class\": ""#, r#""no JSON""#, "7", "[1]", r#""\ud800""#] {
        let content = content(&format!(r#", "failure": {failure}, "ending": true"#));
        let Reply::Final(Err(failure)) = content else { panic!("{content:?}") };
        assert_eq!(failure.kind(), FailureKind::Error);
        assert!(failure.message().contains("cannot be decoded"), "{failure}");
    }
}

#[test]
fn falsy_failures_are_none() {
    for failure in ["null", r#""""#, "false", "0", "[]", "{}"] {
        let content = content(&format!(r#", "result": 1, "failure": {failure}, "ending": true"#));
        assert!(matches!(content, Reply::Final(Ok(_))), "{failure}");
    }
}

#[test]
fn a_failure_may_be_an_object() {
    let content = content(r#", "failure": {"class": "KeyError", "tb": null}, "ending": true"#);
    let expected = |failure: &Failure| failure.class() == "KeyError" && failure.causes().is_empty();
    assert!(matches!(content, Reply::Final(Err(failure)) if expected(&failure)));
}
