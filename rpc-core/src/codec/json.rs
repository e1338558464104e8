//! JSON, with `serde_json`.

use serde::Serialize;
use serde::de::{DeserializeSeed, IgnoredAny};
use serde_json::error::Category;

use super::Shape;
use super::buffer::Buffer;
use super::error::{DecodeError, DecodeErrorKind, EncodeError};
use super::strict::Strict;

pub(super) const EMPTY_MAP: &[u8] = b"{}";

pub(super) fn encode<T: Serialize + ?Sized>(
    value: &T,
    buffer: &mut Buffer,
) -> Result<(), EncodeError> {
    let mut serializer = serde_json::Serializer::new(buffer);
    value.serialize(Strict::<_, true>::new(&mut serializer)).map_err(EncodeError::new)
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
        .map_err(|error| decode_error(&error, bytes))
}

pub(super) fn shape_of(encoded: &[u8]) -> Shape {
    match encoded {
        [b'{', ..] => Shape::Map,
        b"null" => Shape::Nil,
        _ => Shape::Other,
    }
}

/// Rejects messages that are nested deeper than `max_depth`. `serde_json` checks everything else.
fn check(bytes: &[u8], max_depth: usize) -> Result<(), DecodeError> {
    let opens = |byte: &&u8| matches!(byte, b'[' | b'{');
    // Most messages have few brackets in total. Their depth need not be computed.
    if bytes.iter().filter(opens).count() <= max_depth || depth(bytes) <= max_depth {
        return Ok(());
    }
    Err(DecodeErrorKind::TooDeep { limit: max_depth }.into())
}

/// Returns the maximum number of open brackets, without those inside strings.
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

/// Skips a string and its closing quote.
fn skip_string(rest: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = rest.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(rest.next()),
            _ => {}
        }
    }
}

/// Converts an error of `serde_json`.
fn decode_error(error: &serde_json::Error, bytes: &[u8]) -> DecodeError {
    let text = error.to_string();
    // `serde_json` appends the position, which the offset replaces.
    let place = format!(" at line {} column {}", error.line(), error.column());
    let reason = text.strip_suffix(&place).unwrap_or(&text);
    match error.classify() {
        Category::Data => DecodeError::mismatch(reason),
        // `serde_json` reports some type errors as syntax errors: numbers out of range, lone
        // surrogates, and values that are not a variant of an enum.
        Category::Syntax if is_well_formed(bytes) => DecodeError::mismatch(reason),
        Category::Syntax | Category::Eof | Category::Io => {
            let offset = offset(bytes, error.line(), error.column());
            DecodeError::malformed(offset, reason.to_owned())
        }
    }
}

fn is_well_formed(bytes: &[u8]) -> bool {
    // `IgnoredAny` does not check that skipped text is UTF-8.
    str::from_utf8(bytes).is_ok() && serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
}

/// Returns the byte offset of a line and column, which `serde_json` counts from one.
fn offset(bytes: &[u8], line: usize, column: usize) -> usize {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').take(line.saturating_sub(1));
    let before: usize = lines.map(<[u8]>::len).sum();
    (before + column.saturating_sub(1)).min(bytes.len())
}
