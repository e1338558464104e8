//! Corrupted messages.

use rpc_core::{Failure, FailureKind, Version};

use super::captured::{CALL, VALUE_ERROR};
use crate::wire::oslo::failure::About;
use crate::wire::oslo::{reply, request};

/// Decodes a body as both, which must not panic.
fn decode(body: &[u8]) {
    let _ = request::decode(body, None, 1 << 20);
    let _ = reply::decode(body, None, 1 << 20);
}

fn samples() -> Vec<Vec<u8>> {
    let failure = Failure::new(FailureKind::UnsupportedVersion, "É", "é\n")
        .with_supported_versions(vec![Version::V1_0])
        .with_causes(vec!["🦀".to_owned()]);
    let about = About { method: "m", version: Version::V1_0 };
    let bare = r#"{"method": "\ud83e\udd80é", "args": {"a": [-1.5e3, {}]}, "_msg_id": "a", "_reply_q": "b", "_timeout": 2, "_context_é": [null]}"#;
    vec![
        CALL.into(),
        VALUE_ERROR.into(),
        reply::encode("é", &Err(failure), Some(about)),
        bare.into(),
    ]
}

#[test]
fn every_beginning_of_a_message_is_decoded_without_panic() {
    for body in samples() {
        for end in 0..body.len() {
            decode(&body[..end]);
        }
    }
}

#[test]
fn every_message_with_one_wrong_byte_is_decoded_without_panic() {
    const WRONG: &[u8] = b"\0\"\\{}[]:,0-Nu \x7f\x80\xc3\xff";
    for body in samples() {
        for at in 0..body.len() {
            for &byte in WRONG {
                let mut wrong = body.clone();
                wrong[at] = byte;
                decode(&wrong);
            }
            let mut without = body.clone();
            without.remove(at);
            decode(&without);
        }
    }
}
