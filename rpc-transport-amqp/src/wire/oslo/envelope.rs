//! The outer object: `{"oslo.version": "2.0", "oslo.message": "<the message, as JSON>"}`.

use std::borrow::Cow;
use std::str::Utf8Error;

use rpc_core::Version;

use super::json_scan::{RawValue, members};
use super::{compression, json_string};

/// Precedes the message.
const OPENING: &str = r#"{"oslo.version": "2.0", "oslo.message": ""#;
const CLOSING: &str = r#""}"#;

/// The version of the envelope that is written, and the newest that is read.
const VERSION: Version = Version::new(2, 0);

/// Builds a body from the message that `write` appends, escaped once, between the quotes of a JSON string. `size` is its
/// approximate length.
pub(super) fn wrap<E>(
    size: usize,
    write: impl FnOnce(&mut String) -> Result<(), E>,
) -> Result<Vec<u8>, E> {
    let mut body = String::with_capacity(OPENING.len() + size + CLOSING.len());
    body.push_str(OPENING);
    write(&mut body)?;
    body.push_str(CLOSING);
    Ok(body.into_bytes())
}

/// Returns the message of a body; the body itself where it has no envelope.
pub(super) fn unwrap_body<'a>(
    body: &'a [u8],
    compression: Option<&str>,
    max_bytes: usize,
) -> Result<Cow<'a, str>, String> {
    let plain = compression::plain_body(body, compression, max_bytes);
    match plain.map_err(|error| error.to_string())? {
        Cow::Borrowed(body) => {
            unwrap_message(str::from_utf8(body).map_err(|error| not_utf8(&error))?)
        }
        Cow::Owned(body) => {
            let body = String::from_utf8(body).map_err(|error| not_utf8(&error.utf8_error()))?;
            unwrap_message(&body).map(|message| Cow::Owned(message.into_owned()))
        }
    }
}

fn not_utf8(error: &Utf8Error) -> String {
    format!("the body is not UTF-8: {error}")
}

/// Returns the message of a decompressed body.
fn unwrap_message(body: &str) -> Result<Cow<'_, str>, String> {
    let (mut version, mut message) = (None, None);
    let mut syntax_error = None;
    for part in members(body) {
        match part {
            Ok((r#""oslo.version""#, raw)) => version = Some(raw),
            Ok((r#""oslo.message""#, raw)) => message = Some(raw),
            Ok(_) => {}
            Err(error) => syntax_error = Some(error),
        }
    }
    // An error in a message without envelope is found when the message is decoded, and with it whom to tell.
    let Some(version) = version else { return Ok(Cow::Borrowed(body)) };
    if let Some(error) = syntax_error {
        return Err(format!("the envelope is not a JSON object: {error}"));
    }
    check_version(version)?;
    let message = message.ok_or("the envelope has no `oslo.message`")?;
    json_string::unescape(message.text, None).map_err(|reason| format!("`oslo.message`: {reason}"))
}

fn check_version(version: RawValue<'_>) -> Result<(), String> {
    let known = version.string().ok().and_then(|text| text.parse().ok());
    if known.is_some_and(|version| VERSION.serves(version)) {
        return Ok(());
    }
    let found = json_string::truncated(version.text);
    Err(format!("unsupported envelope version {found}: only \"{VERSION}\" is supported"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message_of(body: &str) -> Result<String, String> {
        unwrap_body(body.as_bytes(), None, usize::MAX).map(Cow::into_owned)
    }

    #[test]
    fn a_message_is_found_in_and_without_an_envelope() {
        for body in [
            r#"{"oslo.version": "2.0", "oslo.message": "{\"a\": \"\\u00e9\"}"}"#,
            r#"{"x": [1], "oslo.message":"{\"a\": \"\\u00e9\"}","oslo.version":"2.0.0"}"#,
            r#"{"a": "\u00e9"}"#,
        ] {
            assert_eq!(message_of(body).unwrap(), r#"{"a": "\u00e9"}"#);
        }
    }

    #[test]
    fn other_versions_of_the_envelope_are_rejected() {
        for version in [r#""1.0""#, r#""2.1""#, r#""2.0.5""#, r#""3.0""#, r#""2""#, r#""x""#, "2"] {
            let reason =
                message_of(&format!(r#"{{"oslo.version": {version}, "oslo.message": "{{}}"}}"#));
            let expected =
                format!("unsupported envelope version {version}: only \"2.0\" is supported");
            assert_eq!(reason, Err(expected));
        }
    }

    #[test]
    fn an_envelope_without_a_message_is_rejected() {
        for (body, reason) in [
            (r#"{"oslo.version": "2.0"}"#, "the envelope has no `oslo.message`"),
            (
                r#"{"oslo.version": "2.0", "oslo.message": {}}"#,
                "`oslo.message`: it is not a string",
            ),
            (
                r#"{"oslo.version": "2.0", "osl"#,
                "the envelope is not a JSON object: unexpected end at byte 28",
            ),
        ] {
            assert_eq!(message_of(body), Err(reason.to_owned()));
        }
        let reason = unwrap_body(b"{\"a\": \"\xff\"}", None, usize::MAX).unwrap_err();
        assert!(reason.starts_with("the body is not UTF-8: "), "{reason}");
    }
}
