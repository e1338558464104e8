//! Failures: what Python clients get, and what Rust clients get from either.

use rpc_core::error::Ran;
use rpc_core::{Codec, Failure, FailureKind, Payload, Version};

use super::{decode_enveloped_reply, json, message_in};
use crate::wire::Reply;
use crate::wire::oslo::failure::About;
use crate::wire::oslo::reply;

const ABOUT: About<'_> = About { method: "mint", version: Version::new(9, 1) };

fn failed((_, reply): (String, Reply)) -> Failure {
    match reply {
        Reply::Final(Err(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

fn round_trip(failure: &Failure, about: Option<About<'_>>) -> Failure {
    let body = reply::encode("77bb", &Err(failure.clone()), about);
    failed(reply::decode(&body, None, usize::MAX).unwrap())
}

/// Returns what a Python client decodes.
fn pythons(failure: Failure, about: Option<About<'_>>) -> serde_json::Value {
    let message = message_in(&reply::encode("77bb", &Err(failure), about));
    assert_eq!(message["result"], serde_json::Value::Null);
    serde_json::from_str(message["failure"].as_str().unwrap()).unwrap()
}

/// Decodes a failure of a Python server.
fn from_python(failure: &serde_json::Value) -> Failure {
    let reply =
        serde_json::json!({"_msg_id": "77bb", "failure": failure.to_string(), "ending": true});
    failed(decode_enveloped_reply(&reply.to_string()))
}

#[test]
fn failures_of_all_kinds_come_back_as_they_were() {
    for &kind in FailureKind::ALL {
        for (module, details) in [
            (None, None),
            (Some("bank"), Some(json("null"))),
            (Some("builtins"), Some(json(r#"{"missing": 30, "big": 1180591620717411303424}"#))),
            (Some("oslo_messaging_Remote"), Some(json("[1, \"é\"]"))),
        ] {
            for about in [None, Some(ABOUT)] {
                let mut sent = Failure::new(kind, "Broke_Remote", "30 cents \"short\"\n")
                    .with_module(module)
                    .with_supported_versions(vec![
                        Version::new(1, 2),
                        Version::new(2, 0).with_revision(3),
                    ])
                    .with_causes(vec!["caused by\n".into(), "a\nb".into(), String::new()]);
                if let Some(details) = details.clone() {
                    sent = sent.with_details(details);
                }
                let received = round_trip(&sent, about);
                // `Debug` shows everything but the bytes of the details.
                assert_eq!(format!("{received:?}"), format!("{sent:?}"));
                assert_eq!(received.details(), sent.details());
            }
        }
    }
}

#[test]
fn an_unknown_method_is_pythons_no_such_method() {
    let failure = Failure::new(FailureKind::UnknownMethod, "UnknownMethod", "no `mint` here");
    let python = pythons(failure.clone(), Some(ABOUT));
    assert_eq!(python["class"], "NoSuchMethod");
    assert_eq!(python["module"], "oslo_messaging.rpc.dispatcher");
    assert_eq!(python["message"], "Endpoint does not support RPC method mint");
    assert_eq!(python["args"], serde_json::json!(["mint"]));
    assert_eq!(python["kwargs"], serde_json::json!({}));
    assert_eq!(pythons(failure, None)["message"], "no `mint` here");
}

#[test]
fn an_unserved_version_or_namespace_is_pythons_unsupported_version() {
    for kind in [FailureKind::UnsupportedVersion, FailureKind::UnknownNamespace] {
        let python = pythons(Failure::new(kind, "X", "x"), Some(ABOUT));
        assert_eq!(python["class"], "UnsupportedVersion");
        assert_eq!(python["module"], "oslo_messaging.rpc.dispatcher");
        let sentence = "Endpoint does not support RPC version 9.1. Attempted method: mint";
        assert_eq!(python["message"], sentence);
        assert_eq!(python["args"], serde_json::json!(["9.1", "mint"]));
    }
}

#[test]
fn refused_requests_are_built_in_exceptions() {
    for (kind, class) in [
        (FailureKind::InvalidArguments, "TypeError"),
        (FailureKind::Malformed, "ValueError"),
        (FailureKind::Denied, "PermissionError"),
    ] {
        let python = pythons(Failure::new(kind, "X", "because"), Some(ABOUT));
        assert_eq!((&python["class"], &python["module"]), (&class.into(), &"builtins".into()));
        assert_eq!(python["args"], serde_json::json!(["because"]));
    }
}

#[test]
fn other_failures_keep_their_class() {
    for kind in
        [FailureKind::Expired, FailureKind::Overloaded, FailureKind::Panic, FailureKind::Error]
    {
        let python = pythons(Failure::new(kind, "Own", "because"), None);
        assert_eq!((&python["class"], &python["module"]), (&"Own".into(), &"rpc".into()));
    }
}

#[test]
fn an_expected_error_is_rebuilt_from_its_fields() {
    for (module, details, args, kwargs) in [
        (Some("bank"), Some(r#"{"missing": 30}"#), r#"["short"]"#, r#"{"missing": 30}"#),
        (Some("builtins"), Some(r#"{"missing": 30}"#), r#"["short"]"#, "{}"),
        (Some("bank"), Some(r#"["a", 7]"#), r#"["a", 7]"#, "{}"),
        (Some("bank"), Some(" 7 "), "[7]", "{}"),
        (Some("bank"), Some("null"), r#"["short"]"#, "{}"),
        (None, None, r#"["short"]"#, "{}"),
        (None, Some("[1"), r#"["short"]"#, "{}"),
    ] {
        let mut failure = Failure::new(FailureKind::Expected, "Short", "short").with_module(module);
        if let Some(details) = details {
            failure = failure.with_details(json(details));
        }
        let python = pythons(failure, Some(ABOUT));
        assert_eq!(python["class"], "Short");
        assert_eq!(python["module"], module.unwrap_or("rpc"));
        assert_eq!(python["args"], serde_json::from_str::<serde_json::Value>(args).unwrap());
        assert_eq!(python["kwargs"], serde_json::from_str::<serde_json::Value>(kwargs).unwrap());
    }
}

#[test]
fn details_in_message_pack_become_json() {
    let details = Payload::new(Codec::MessagePack, Codec::MessagePack.encode(&[1]).unwrap());
    let failure = Failure::new(FailureKind::Expected, "Short", "short").with_details(details);
    assert_eq!(round_trip(&failure, None).details(), Some(&json("[1]")));
}

#[test]
fn lines_of_a_trace_end_as_pythons_do() {
    let failure = Failure::new(FailureKind::Error, "X", "x").with_causes(vec!["why".into()]);
    assert_eq!(pythons(failure, None)["tb"], serde_json::json!(["why\n"]));
}

#[test]
fn pythons_constructor_arguments_are_the_details() {
    for (args, kwargs, details) in [
        (r#"["boom"]"#, r#"{}"#, Some(r#""boom""#)),
        (r#"["boom", 7, ["a"]]"#, r#"{}"#, Some(r#"["boom",7,["a"]]"#)),
        (r#"["boom"]"#, r#"{"who": "bob"}"#, Some(r#"{"who":"bob"}"#)),
        ("[]", "{}", Some("null")),
        ("null", "null", Some("null")),
        ("[NaN]", "{}", None),
        ("[1180591620717411303424]", "{}", None),
    ] {
        let failure =
            format!(r#"{{"class": "E", "module": "m", "args": {args}, "kwargs": {kwargs}}}"#);
        let message = serde_json::json!({"_msg_id": "a", "failure": failure, "ending": true});
        let failure = failed(decode_enveloped_reply(&message.to_string()));
        let read = failure
            .details()
            .map(|details| String::from_utf8_lossy(details.bytes()).replace(", ", ","));
        assert_eq!(read.map(|text| text.replace(": ", ":")).as_deref(), details);
    }
}

#[test]
fn names_of_rebuilt_and_old_exceptions_are_pythons_own() {
    for (class, module, expected) in [
        ("ValueError_Remote", "builtins_Remote", ("ValueError", Some("builtins"))),
        ("ValueError", "exceptions", ("ValueError", Some("builtins"))),
        ("NotFound", "nova.exception", ("NotFound", Some("nova.exception"))),
        ("", "", ("Exception", None)),
    ] {
        let failure = from_python(&serde_json::json!({"class": class, "module": module}));
        assert_eq!((failure.class(), failure.module()), expected);
        assert_eq!(failure.kind(), FailureKind::Error);
    }
}

#[test]
fn refusals_by_pythons_dispatcher_say_that_nothing_ran() {
    let tb = ["  File \"rpc/dispatcher.py\", line 318, in dispatch\n", "NoSuchMethod: …\n"];
    for (class, kind) in [
        ("NoSuchMethod", FailureKind::UnknownMethod),
        ("UnsupportedVersion", FailureKind::UnsupportedVersion),
    ] {
        let module = "oslo_messaging.rpc.dispatcher";
        let failure = serde_json::json!({"class": class, "module": module, "tb": tb});
        assert_eq!(from_python(&failure).kind(), kind);
        let module = "elsewhere";
        let failure = serde_json::json!({"class": class, "module": module, "tb": tb});
        assert_eq!(from_python(&failure).kind(), FailureKind::Error);
    }
}

#[test]
fn a_refusal_of_a_call_that_the_method_made_does_not_say_that_nothing_ran() {
    let module = "oslo_messaging.rpc.dispatcher";
    for line in
        ["  File \"rpc/dispatcher.py\", line 229, in _do_dispatch\n", "NoSuchMethod_Remote: …\n"]
    {
        let failure = serde_json::json!({"class": "NoSuchMethod", "module": module, "tb": [line]});
        assert_eq!(from_python(&failure).kind(), FailureKind::Error);
    }
}

#[test]
fn a_member_rpc_that_is_not_ours_is_left_alone() {
    for rpc in [
        serde_json::json!(null),
        serde_json::json!({}),
        serde_json::json!({"kind": 1, "class": "A"}),
        serde_json::json!({"kind": "panic", "class": 1}),
        serde_json::json!({"kind": "panic", "class": "A", "supported_versions": ["x"]}),
    ] {
        let failure = from_python(&serde_json::json!({"class": "E", "message": "m", "rpc": rpc}));
        assert_eq!((failure.kind(), failure.class()), (FailureKind::Error, "E"));
    }
}

#[test]
fn a_kind_that_only_newer_servers_know_leaves_open_whether_the_method_ran() {
    let rpc = serde_json::json!({"kind": "sunny", "class": "A"});
    let failure = from_python(&serde_json::json!({"class": "E", "message": "m", "rpc": rpc}));
    assert_eq!((failure.kind(), failure.class()), (FailureKind::Unrecognized, "A"));
    assert_eq!(failure.ran(), Ran::Unknown);
}

#[test]
fn whether_the_method_ran_is_what_the_server_said() {
    for &kind in FailureKind::ALL {
        for ran in [Ran::No, Ran::Yes, Ran::Unknown] {
            let sent = Failure::new(kind, "A", "m").with_ran(ran);
            assert_eq!(round_trip(&sent, Some(ABOUT)).ran(), ran, "{kind}");
        }
    }
    for (kind, word, ran) in [
        ("rate_limited", serde_json::json!("no"), Ran::No),
        ("denied", serde_json::json!("partly"), Ran::Unknown),
        ("denied", serde_json::json!(false), Ran::Unknown),
    ] {
        let rpc = serde_json::json!({"kind": kind, "class": "A", "ran": word});
        let failure = from_python(&serde_json::json!({"class": "E", "message": "m", "rpc": rpc}));
        assert_eq!(failure.ran(), ran, "{kind} {word}");
    }
}

#[test]
fn a_failure_that_cannot_be_decoded_leaves_open_whether_the_method_ran() {
    for failure in [r#""no object""#, r#""{\"class\": ""#, "7", r#"["E"]"#, r#""\ud800""#] {
        let message = format!(r#"{{"_msg_id": "a", "ending": true, "failure": {failure}}}"#);
        let failure = failed(decode_enveloped_reply(&message));
        assert_eq!((failure.class(), failure.ran()), ("UndecodableFailure", Ran::Unknown));
    }
}

#[test]
fn half_surrogate_pairs_in_words_are_replaced() {
    let message = r#"{"_msg_id": "a", "ending": true, "failure": "{\"class\": \"E\", \"message\": \"\\ud800\", \"tb\": [1, \"\\udc00\\n\"]}"}"#;
    let failure = failed(decode_enveloped_reply(message));
    assert_eq!(failure.message(), "\u{fffd}");
    assert_eq!(failure.causes(), ["\u{fffd}"]);
}
