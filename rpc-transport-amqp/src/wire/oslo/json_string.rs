//! JSON strings: escaping and unescaping.

use std::borrow::Cow;
use std::fmt;

use super::json_scan::RawValue;

/// Why a value is not a string of Unicode text.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(super) enum StringError {
    NotAString,
    /// Python strings may contain half of a surrogate pair; Unicode text may not.
    LoneSurrogate,
    InvalidEscape,
}

impl fmt::Display for StringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAString => "it is not a string",
            Self::LoneSurrogate => "it contains a lone surrogate, which is not valid Unicode",
            Self::InvalidEscape => "it contains an invalid escape sequence",
        })
    }
}

impl<'a> RawValue<'a> {
    /// Returns the value's text, if it is a string.
    pub(super) fn string(&self) -> Result<Cow<'a, str>, StringError> {
        unescape(self.text, None)
    }

    /// Returns the value's text, if it is a string, with a replacement character for each lone surrogate: for text that is
    /// only displayed.
    pub(super) fn string_lossy(&self) -> Result<Cow<'a, str>, StringError> {
        unescape(self.text, Some(char::REPLACEMENT_CHARACTER))
    }
}

/// Unescapes the text between the quotes of `quoted`. A lone surrogate becomes `replacement`, where there is one.
pub(super) fn unescape(
    quoted: &str,
    replacement: Option<char>,
) -> Result<Cow<'_, str>, StringError> {
    let inside = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let mut rest = inside.ok_or(StringError::NotAString)?;
    let Some(mut plain) = next_escape(rest) else { return Ok(Cow::Borrowed(rest)) };
    let mut text = String::with_capacity(rest.len());
    loop {
        let (before, escape) = rest.split_at(plain);
        text.push_str(before);
        let (character, length) = match escape.as_bytes().get(1) {
            Some(b'u') => from_code_units(escape, replacement)?,
            Some(byte) => (simple(*byte).ok_or(StringError::InvalidEscape)?, 2),
            None => return Err(StringError::InvalidEscape),
        };
        text.push(character);
        // An escape sequence is ASCII throughout, so this is a character boundary.
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

/// Decodes `\uXXXX`, or a pair of them, and returns the character and how many bytes they take.
fn from_code_units(escape: &str, replacement: Option<char>) -> Result<(char, usize), StringError> {
    let first = code_unit(escape).ok_or(StringError::InvalidEscape)?;
    // Only the second half of a pair belongs to it; whatever else follows stands for itself.
    let second = escape.get(6..).and_then(code_unit).filter(|unit| unit & 0xfc00 == 0xdc00);
    let units = [first, second.unwrap_or_default()];
    match char::decode_utf16(units).next() {
        Some(Ok(character)) => Ok((character, 6 * character.len_utf16())),
        _ => replacement.map(|character| (character, 6)).ok_or(StringError::LoneSurrogate),
    }
}

fn code_unit(escape: &str) -> Option<u16> {
    let digits = escape.strip_prefix("\\u")?.get(..4)?;
    let valid = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    valid.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
}

/// Writes `text` between the quotes of a JSON string, escaped.
pub(super) fn write_escaped(out: &mut String, text: &str) {
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate().filter(|(_, byte)| needs_escape(*byte)) {
        // Bytes that are escaped are ASCII characters, so these are character boundaries.
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

/// Writes `text` as a JSON string.
pub(super) fn write_string(out: &mut String, text: &str) {
    out.push('"');
    write_escaped(out, text);
    out.push('"');
}

/// Writes `text` as a JSON string that is itself between the quotes of a JSON string.
pub(super) fn write_nested_string(out: &mut String, text: &str) {
    out.push_str("\\\"");
    write_nested_escaped(out, text);
    out.push_str("\\\"");
}

/// Writes `text` between the quotes of such a nested JSON string, escaped twice.
pub(super) fn write_nested_escaped(out: &mut String, text: &str) {
    if !text.bytes().any(needs_escape) {
        return out.push_str(text);
    }
    let mut once = String::with_capacity(2 * text.len());
    write_escaped(&mut once, text);
    write_escaped(out, &once);
}

/// Truncates text from outside, which may be of any length, to 40 characters.
pub(super) fn truncated(text: &str) -> Cow<'_, str> {
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
            write_string(&mut once, text);
            write_nested_string(&mut twice, text);
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
    fn a_lone_surrogate_is_rejected_or_replaced() {
        for text in [r#""a\ud800b""#, r#""a\udc00b""#] {
            assert_eq!(unescape(text, None), Err(StringError::LoneSurrogate));
            assert_eq!(unescape(text, Some('?')).unwrap(), "a?b");
        }
        assert_eq!(unescape(r#""\ud800\u0041\ud800\ud83e\udd80""#, Some('?')).unwrap(), "?A?🦀");
    }

    #[test]
    fn what_is_not_a_string_is_rejected() {
        for text in ["null", "1", "\"", "", "a\""] {
            assert_eq!(unescape(text, None), Err(StringError::NotAString), "{text}");
        }
        for text in [r#""\""#, r#""\x""#, r#""\u12""#, r#""\u+123""#, r#""\u00é""#, r#""\é""#] {
            assert_eq!(unescape(text, None), Err(StringError::InvalidEscape), "{text}");
        }
    }
}
