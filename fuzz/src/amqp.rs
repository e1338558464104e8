//! The bodies of the targets that decode what reaches `rpc-transport-amqp`. Its tests run them over generated inputs.
//! Each body returns whether the input was accepted.

use rpc_core::Request;
use rpc_transport_amqp::__private::{
    decode_oslo_reply, decode_oslo_request, encode_oslo_call, encode_oslo_reply, plain_body,
};
use rpc_transport_amqp::AmqpBuilder;
use serde::de::IgnoredAny;

/// The largest body that the bodies decode.
const MAX_BYTES: usize = 1 << 20;

/// A password that no input contains outside of a password.
pub const PASSWORD: &str = "hunter2";

/// Decodes any bytes as a request of oslo.messaging's dialect. What was decoded is written, and decoded alike again.
pub fn oslo_request(data: &[u8]) -> bool {
    let Ok(request) = decode_oslo_request(data, MAX_BYTES) else { return false };
    let body = match encode_oslo_call(&request) {
        Ok(body) => body,
        // Arguments are decoded by the task of their method, so any text may be among them.
        Err(reason) => {
            let args = serde_json::from_slice::<IgnoredAny>(request.args.bytes());
            assert!(args.is_err(), "a decoded request is refused: {reason}");
            return true;
        }
    };
    let again = decode_oslo_request(&body, usize::MAX).expect("what was written is decoded");
    let fields = |request: &Request| {
        let entries: Vec<_> =
            request.entries.iter().map(|(key, value)| (key.to_owned(), value.clone())).collect();
        let (method, namespace) = (request.method.to_string(), request.namespace.clone());
        (request.id, method, namespace, request.version, request.args.bytes().clone(), entries)
    };
    assert_eq!(fields(&again), fields(&request));
    assert!(again.wants_reply && again.monitor >= request.monitor);
    assert_eq!(encode_oslo_call(&again).as_ref(), Ok(&body));
    true
}

/// Decodes any bytes as a reply of that dialect. What was decoded is written, and decoded alike again.
pub fn oslo_reply(data: &[u8]) -> bool {
    let Ok((call_id, Some(outcome))) = decode_oslo_reply(data, MAX_BYTES) else { return false };
    let body = encode_oslo_reply(&call_id, &outcome);
    let (again_id, again) = decode_oslo_reply(&body, usize::MAX).expect("it is written as a reply");
    assert_eq!(again_id, call_id);
    match (outcome, again.expect("it has an outcome")) {
        (Ok(result), Ok(again)) => assert_eq!(again.bytes(), result.bytes()),
        (Err(failure), Err(again)) => assert_eq!(again.kind(), failure.kind()),
        // Results are decoded by their caller, so any text may be one.
        (Ok(result), Err(_)) => {
            let valid = serde_json::from_slice::<IgnoredAny>(result.bytes());
            assert!(valid.is_err(), "a decoded result is refused: {result:?}");
        }
        (Err(failure), Ok(_)) => panic!("a failure became a result: {failure:?}"),
    }
    true
}

/// Decompresses any bytes. The first one selects the format and the largest size.
pub fn decompress(data: &[u8]) -> bool {
    let Some((selector, body)) = data.split_first() else { return false };
    let name = ["gzip", "bzip2", "xz"][usize::from(selector % 3)];
    let max_bytes = [100, 10_000, MAX_BYTES, 16 * MAX_BYTES][usize::from(selector / 3 % 4)];
    match plain_body(body, name, max_bytes) {
        Ok(plain) => {
            let by_ratio = (100 * body.len()).max(MAX_BYTES);
            assert!(plain.len() <= max_bytes.min(by_ratio), "{} bytes", plain.len());
            true
        }
        Err(reason) => {
            assert!(reason.starts_with("the body is compressed as "), "{reason}");
            false
        }
    }
}

/// Parses any text as the URL of a broker. No error and no configuration shows a password.
pub fn parse_url(data: &[u8]) -> bool {
    let url = String::from_utf8_lossy(data);
    let parsed = AmqpBuilder::from_url(&url);
    let accepted = parsed.is_ok();
    let shown = match parsed {
        Ok(builder) => format!("{builder:?}"),
        Err(error) => format!("{error} {error:?}"),
    };
    // Whatever is not between `:` and `@` is no password, and may be shown.
    let is_password =
        |at: usize| url[..at].ends_with(':') && url[at + PASSWORD.len()..].starts_with('@');
    if url.match_indices(PASSWORD).all(|(at, _)| is_password(at)) {
        assert!(!shown.contains(PASSWORD), "{shown}");
    }
    accepted
}
