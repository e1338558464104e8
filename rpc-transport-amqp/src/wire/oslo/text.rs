//! Strings of JSON: with escapes and without.

use std::borrow::Cow;
use std::fmt;

use super::split::Raw;

/// Why a value is no text.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(super) enum NoText {
    NotAString,
    /// Python strings may hold half of a surrogate pair; Unicode text may not.
    HalfPair,
    BrokenEscape,
}

impl fmt::Display for NoText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAString => "it is not a string",
            Self::HalfPair => "it holds half of a surrogate pair, which is no Unicode text",
            Self::BrokenEscape => "it holds a broken escape sequence",
        })
    }
}

impl<'a> Raw<'a> {
    /// The string that the value is.
    pub(super) fn string(&self) -> Result<Cow<'a, str>, NoText> {
        unescape(self.text, None)
    }

    /// The string that the value is, with a replacement character for each half of a surrogate pair: for words that
    /// are only shown.
    pub(super) fn shown(&self) -> Result<Cow<'a, str>, NoText> {
        unescape(self.text, Some(char::REPLACEMENT_CHARACTER))
    }
}

/// The string between the quotes of `quoted`.
pub(super) fn unescape(quoted: &str, half: Option<char>) -> Result<Cow<'_, str>, NoText> {
    let inside = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let mut rest = inside.ok_or(NoText::NotAString)?;
    let Some(mut plain) = next_escape(rest) else { return Ok(Cow::Borrowed(rest)) };
    let mut text = String::with_capacity(rest.len());
    loop {
        let (before, escape) = rest.split_at(plain);
        text.push_str(before);
        let (character, length) = match escape.as_bytes().get(1) {
            Some(b'u') => from_code_units(escape, half)?,
            Some(byte) => (simple(*byte).ok_or(NoText::BrokenEscape)?, 2),
            None => return Err(NoText::BrokenEscape),
        };
        text.push(character);
        // An escape is ASCII throughout, so this is a boundary.
        rest = escape.get(length..).unwrap_or_default();
        let Some(next) = next_escape(rest) else { break };
        plain = next;
    }
    text.push_str(rest);
    Ok(Cow::Owned(text))
}

fn next_escape(text: &str) -> Option<usize> {
    text.bytes().position(|byte| byte == b'\\')
}

fn simple(escaped: u8) -> Option<char> {
    Some(match escaped {
        b'"' | b'\\' | b'/' => char::from(escaped),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        _ => return None,
    })
}

/// The character of `\uXXXX`, or of two of them, and how many bytes they take.
fn from_code_units(escape: &str, half: Option<char>) -> Result<(char, usize), NoText> {
    let first = code_unit(escape).ok_or(NoText::BrokenEscape)?;
    // Only the second half of a pair is taken along; whatever else follows stands for itself.
    let second = escape.get(6..).and_then(code_unit).filter(|unit| unit & 0xfc00 == 0xdc00);
    let units = [first, second.unwrap_or_default()];
    match char::decode_utf16(units).next() {
        Some(Ok(character)) => Ok((character, 6 * character.len_utf16())),
        _ => half.map(|character| (character, 6)).ok_or(NoText::HalfPair),
    }
}

fn code_unit(escape: &str) -> Option<u16> {
    let digits = escape.strip_prefix("\\u")?.get(..4)?;
    let valid = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    valid.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
}

/// Writes `text` into the inside of a JSON string: what goes in comes out of it when the string is read.
pub(super) fn escape(out: &mut String, text: &str) {
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate().filter(|(_, byte)| needs_escape(*byte)) {
        // Bytes that are escaped are ASCII characters, so these are boundaries.
        out.push_str(&text[plain..at]);
        plain = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            _ => out.push_str(&format!("\\u{byte:04x}")),
        }
    }
    out.push_str(&text[plain..]);
}

fn needs_escape(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..=0x1f)
}

/// Writes `text` as a string.
pub(super) fn put_string(out: &mut String, text: &str) {
    out.push('"');
    escape(out, text);
    out.push('"');
}

/// Writes `text` as a string into the inside of a string.
pub(super) fn put_inner_string(out: &mut String, text: &str) {
    out.push_str("\\\"");
    put_inner_text(out, text);
    out.push_str("\\\"");
}

/// Writes `text` into a string that is inside of a string.
pub(super) fn put_inner_text(out: &mut String, text: &str) {
    if !text.bytes().any(needs_escape) {
        return out.push_str(text);
    }
    let mut once = String::with_capacity(2 * text.len());
    escape(&mut once, text);
    escape(out, &once);
}

/// The beginning of words from outside, which may be of any length.
pub(super) fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(40) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_survives_one_and_two_levels_of_quoting() {
        for text in ["", "plain", "\"\\/\u{8}\u{c}\n\r\t\0\u{1f}", "é🦀", "\\u0041", "\"\"\""] {
            let (mut once, mut twice) = (String::new(), String::from("\""));
            put_string(&mut once, text);
            put_inner_string(&mut twice, text);
            twice.push('"');
            assert_eq!(serde_json::from_str::<String>(&once).unwrap(), text);
            assert_eq!(unescape(&once, None).unwrap(), text);
            assert_eq!(unescape(&unescape(&twice, None).unwrap(), None).unwrap(), text);
        }
    }

    #[test]
    fn surrogate_pairs_are_joined() {
        assert_eq!(unescape(r#""\ud83e\udd80\u00E9x""#, None).unwrap(), "🦀éx");
    }

    #[test]
    fn half_a_surrogate_pair_is_refused_or_replaced() {
        for text in [r#""a\ud800b""#, r#""a\udc00b""#] {
            assert_eq!(unescape(text, None), Err(NoText::HalfPair));
            assert_eq!(unescape(text, Some('?')).unwrap(), "a?b");
        }
        assert_eq!(unescape(r#""\ud800\u0041\ud800\ud83e\udd80""#, Some('?')).unwrap(), "?A?🦀");
    }

    #[test]
    fn what_is_no_string_is_refused() {
        for text in ["null", "1", "\"", "", "a\""] {
            assert_eq!(unescape(text, None), Err(NoText::NotAString), "{text}");
        }
        for text in [r#""\""#, r#""\x""#, r#""\u12""#, r#""\u+123""#, r#""\u00é""#, r#""\é""#] {
            assert_eq!(unescape(text, None), Err(NoText::BrokenEscape), "{text}");
        }
    }
}
