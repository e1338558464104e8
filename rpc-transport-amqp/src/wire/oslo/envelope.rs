//! The outer object: `{"oslo.version": "2.0", "oslo.message": "<the message, as JSON>"}`.

use std::borrow::Cow;
use std::str::Utf8Error;

use rpc_core::Version;

use super::split::{Raw, members};
use super::{compression, text};

/// What is written before the message.
const OPENING: &str = r#"{"oslo.version": "2.0", "oslo.message": ""#;
const CLOSING: &str = r#""}"#;

/// The form that is written, and the newest that is read.
const FORM: Version = Version::new(2, 0);

/// Makes a body of the message that `write` puts, escaped once, into the inside of a string. `size` is how long it will
/// be, about.
pub(super) fn seal<E>(
    size: usize,
    write: impl FnOnce(&mut String) -> Result<(), E>,
) -> Result<Vec<u8>, E> {
    let mut body = String::with_capacity(OPENING.len() + size + CLOSING.len());
    body.push_str(OPENING);
    write(&mut body)?;
    body.push_str(CLOSING);
    Ok(body.into_bytes())
}

/// The message within a body; the body itself where it has no envelope.
pub(super) fn open<'a>(
    body: &'a [u8],
    compression: Option<&str>,
    max_bytes: usize,
) -> Result<Cow<'a, str>, String> {
    match compression::inflate(body, compression, max_bytes)? {
        Cow::Borrowed(body) => unwrap(str::from_utf8(body).map_err(|error| no_text(&error))?),
        Cow::Owned(body) => {
            let body = String::from_utf8(body).map_err(|error| no_text(&error.utf8_error()))?;
            unwrap(&body).map(|message| Cow::Owned(message.into_owned()))
        }
    }
}

fn no_text(error: &Utf8Error) -> String {
    format!("the body is not UTF-8: {error}")
}

fn unwrap(body: &str) -> Result<Cow<'_, str>, String> {
    let (mut version, mut message) = (None, None);
    let mut broken = None;
    for part in members(body) {
        match part {
            Ok((r#""oslo.version""#, raw)) => version = Some(raw),
            Ok((r#""oslo.message""#, raw)) => message = Some(raw),
            Ok(_) => {}
            Err(error) => broken = Some(error),
        }
    }
    // What is wrong with a message without envelope is seen when it is read, beside whom to tell.
    let Some(version) = version else { return Ok(Cow::Borrowed(body)) };
    if let Some(broken) = broken {
        return Err(format!("the envelope is no JSON object: {broken}"));
    }
    check(version)?;
    let message = message.ok_or("the envelope has no `oslo.message`")?;
    text::unescape(message.text, None).map_err(|reason| format!("`oslo.message`: {reason}"))
}

fn check(version: Raw<'_>) -> Result<(), String> {
    let known = version.string().ok().and_then(|text| text.parse().ok());
    if known.is_some_and(|version| FORM.serves(version)) {
        return Ok(());
    }
    let found = text::shortened(version.text);
    Err(format!("the envelope's form is {found}, but only \"{FORM}\" is understood"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(body: &str) -> Result<String, String> {
        open(body.as_bytes(), None, usize::MAX).map(Cow::into_owned)
    }

    #[test]
    fn a_message_is_found_in_and_without_an_envelope() {
        for body in [
            r#"{"oslo.version": "2.0", "oslo.message": "{\"a\": \"\\u00e9\"}"}"#,
            r#"{"x": [1], "oslo.message":"{\"a\": \"\\u00e9\"}","oslo.version":"2.0.0"}"#,
            r#"{"a": "\u00e9"}"#,
        ] {
            assert_eq!(opened(body).unwrap(), r#"{"a": "\u00e9"}"#);
        }
    }

    #[test]
    fn other_forms_of_the_envelope_are_refused() {
        for version in [r#""1.0""#, r#""2.1""#, r#""2.0.5""#, r#""3.0""#, r#""2""#, r#""x""#, "2"] {
            let reason =
                opened(&format!(r#"{{"oslo.version": {version}, "oslo.message": "{{}}"}}"#));
            let expected =
                format!("the envelope's form is {version}, but only \"2.0\" is understood");
            assert_eq!(reason, Err(expected));
        }
    }

    #[test]
    fn an_envelope_that_holds_no_text_is_refused() {
        for (body, reason) in [
            (r#"{"oslo.version": "2.0"}"#, "the envelope has no `oslo.message`"),
            (
                r#"{"oslo.version": "2.0", "oslo.message": {}}"#,
                "`oslo.message`: it is not a string",
            ),
            (
                r#"{"oslo.version": "2.0", "osl"#,
                "the envelope is no JSON object: it ends at byte 28",
            ),
        ] {
            assert_eq!(opened(body), Err(reason.to_owned()));
        }
        let reason = open(b"{\"a\": \"\xff\"}", None, usize::MAX).unwrap_err();
        assert!(reason.starts_with("the body is not UTF-8: "), "{reason}");
    }
}
