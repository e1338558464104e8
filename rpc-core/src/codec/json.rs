//! JSON, by `serde_json`.

use serde::Serialize;
use serde::de::{DeserializeSeed, IgnoredAny};
use serde_json::error::Category;

use super::error::{DecodeError, DecodeErrorKind, EncodeError};

pub(super) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, EncodeError> {
    serde_json::to_vec(value).map_err(EncodeError::new)
}

pub(super) fn decode<'de, S: DeserializeSeed<'de>>(
    seed: S,
    bytes: &'de [u8],
    max_depth: usize,
) -> Result<S::Value, DecodeError> {
    check(bytes, max_depth)?;
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    seed.deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| refused(&error, bytes))
}

/// Refuses what is nested deeper than `max_depth`. All other rules are left to `serde_json`.
fn check(bytes: &[u8], max_depth: usize) -> Result<(), DecodeError> {
    let opens = |byte: &&u8| matches!(byte, b'[' | b'{');
    // A message with few brackets in all, which most are, needs no closer look.
    if bytes.iter().filter(opens).count() <= max_depth || depth(bytes) <= max_depth {
        return Ok(());
    }
    Err(DecodeErrorKind::TooDeep { limit: max_depth }.into())
}

/// The largest number of brackets open at once, those within strings not counted.
fn depth(bytes: &[u8]) -> usize {
    let (mut open, mut deepest) = (0usize, 0);
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        match byte {
            b'[' | b'{' => {
                open += 1;
                deepest = deepest.max(open);
            }
            b']' | b'}' => open = open.saturating_sub(1),
            b'"' => skip_string(&mut rest),
            _ => {}
        }
    }
    deepest
}

/// Goes behind the quote that ends a string.
fn skip_string(rest: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = rest.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(rest.next()),
            _ => {}
        }
    }
}

fn refused(error: &serde_json::Error, bytes: &[u8]) -> DecodeError {
    let text = error.to_string();
    // The position that `serde_json` adds is in the offset, or of no use.
    let place = format!(" at line {} column {}", error.line(), error.column());
    let reason = text.strip_suffix(&place).unwrap_or(&text);
    match error.classify() {
        Category::Data => DecodeError::mismatch(reason),
        // What no type can hold (a number beyond all, a half surrogate) and what is there in place
        // of an enum are errors of syntax to `serde_json`.
        Category::Syntax if is_well_formed(bytes) => DecodeError::mismatch(reason),
        Category::Syntax | Category::Eof | Category::Io => {
            let offset = offset(bytes, error.line(), error.column());
            DecodeError::malformed(offset, reason.to_owned())
        }
    }
}

fn is_well_formed(bytes: &[u8]) -> bool {
    // Text that is skipped is not looked at.
    str::from_utf8(bytes).is_ok() && serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
}

/// The position in bytes of a line and column, both of which `serde_json` counts from one.
fn offset(bytes: &[u8], line: usize, column: usize) -> usize {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').take(line.saturating_sub(1));
    let before: usize = lines.map(<[u8]>::len).sum();
    (before + column.saturating_sub(1)).min(bytes.len())
}
