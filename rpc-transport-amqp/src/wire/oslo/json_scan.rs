//! Splits JSON objects and arrays into their values without decoding these.
//!
//! Python writes JSON that strict parsers reject as a whole: `NaN`, integers of any size, lone surrogates. The method of
//! such a request, and the caller that waits for its reply, must be found all the same. `serde_json` cannot do that, even
//! with its raw values, so the scanner is written by hand. It separates values by their brackets and quotes alone; each
//! value is parsed strictly by whoever needs it.
//!
//! Nesting is counted, not recursed into: its depth is chosen by the sender.

use std::fmt;

use super::json_string;

/// A value as it is written, like `serde_json`'s of the same name.
#[derive(Debug, Copy, Clone)]
pub(super) struct RawValue<'a> {
    pub(super) text: &'a str,
    /// The first number in it that would lose its value.
    pub(super) unrepresentable: Option<UnrepresentableNumber<'a>>,
}

/// A number that Python writes and that other JSON parsers reject or change.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(super) enum UnrepresentableNumber<'a> {
    /// An integer that fits neither `i64` nor `u64`. Parsers would turn it into a float.
    TooLarge(&'a str),
    /// An infinity, or NaN.
    NotFinite(&'a str),
}

/// Where a text is not JSON.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(super) struct SyntaxError {
    at: usize,
    cut_short: bool,
}

impl fmt::Display for UnrepresentableNumber<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge(digits) => {
                write!(f, "the integer {} does not fit in 64 bits", json_string::truncated(digits))
            }
            Self::NotFinite(word) => write!(f, "{word} is not a number in JSON (RFC 8259)"),
        }
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.cut_short { "unexpected end" } else { "unexpected character" };
        write!(f, "{what} at byte {}", self.at)
    }
}

impl<'a> RawValue<'a> {
    /// Returns the text, if no number in it would lose its value.
    pub(super) fn exact(&self) -> Result<&'a str, UnrepresentableNumber<'a>> {
        self.unrepresentable.map_or(Ok(self.text), Err)
    }

    pub(super) fn is_null(&self) -> bool {
        self.text == "null"
    }

    pub(super) fn is_object(&self) -> bool {
        self.text.starts_with('{')
    }

    pub(super) fn is_array(&self) -> bool {
        self.text.starts_with('[')
    }
}

/// Iterates over the members of the object `text`, in order.
pub(super) fn members(text: &str) -> Parts<'_> {
    Parts::new(text, b'{', b'}')
}

/// Iterates over the elements of the array `text`, in order, with empty names.
pub(super) fn elements(text: &str) -> Parts<'_> {
    Parts::new(text, b'[', b']')
}

/// An iterator over an object or array: quoted name and value. It ends after the first syntax error.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    cursor: Cursor<'a>,
    open: u8,
    close: u8,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Outside,
    Inside,
    Ended,
}

impl<'a> Parts<'a> {
    fn new(text: &'a str, open: u8, close: u8) -> Self {
        Self { cursor: Cursor { text, at: 0 }, open, close, state: State::Outside }
    }

    /// Advances to the next part. False: there is none, and nothing follows.
    fn advance(&mut self) -> Result<bool, SyntaxError> {
        let first = self.state == State::Outside;
        if first {
            self.cursor.skip_blanks();
            self.cursor.expect(self.open)?;
            self.state = State::Inside;
        }
        self.cursor.skip_blanks();
        if self.cursor.peek() == Some(self.close) {
            self.cursor.at += 1;
            return self.cursor.finish().map(|()| false);
        }
        if !first {
            self.cursor.expect(b',')?;
            self.cursor.skip_blanks();
        }
        Ok(true)
    }

    fn part(&mut self) -> Result<Option<(&'a str, RawValue<'a>)>, SyntaxError> {
        if self.state == State::Ended || !self.advance()? {
            return Ok(None);
        }
        let mut name = "";
        if self.open == b'{' {
            name = self.cursor.string()?;
            self.cursor.skip_blanks();
            self.cursor.expect(b':')?;
            self.cursor.skip_blanks();
        }
        Ok(Some((name, self.cursor.value()?)))
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Result<(&'a str, RawValue<'a>), SyntaxError>;

    fn next(&mut self) -> Option<Self::Item> {
        let part = self.part().transpose();
        if !matches!(part, Some(Ok(_))) {
            self.state = State::Ended;
        }
        part
    }
}

#[derive(Debug)]
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn error(&self) -> SyntaxError {
        SyntaxError { at: self.at.min(self.text.len()), cut_short: self.at >= self.text.len() }
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), SyntaxError> {
        if self.peek() != Some(byte) {
            return Err(self.error());
        }
        self.at += 1;
        Ok(())
    }

    fn finish(&mut self) -> Result<(), SyntaxError> {
        self.skip_blanks();
        if self.at < self.text.len() { Err(self.error()) } else { Ok(()) }
    }

    /// Returns the text from `start` up to here. Both are beside a quote, a bracket or another ASCII character, so they are
    /// character boundaries.
    fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// Reads a string, with its quotes.
    fn string(&mut self) -> Result<&'a str, SyntaxError> {
        let start = self.at;
        self.expect(b'"')?;
        let mut rest = self.text.as_bytes()[self.at..].iter();
        while let Some(byte) = rest.next() {
            match byte {
                b'"' => {
                    self.at = self.text.len() - rest.len();
                    return Ok(self.since(start));
                }
                b'\\' => drop(rest.next()),
                _ => {}
            }
        }
        self.at = self.text.len();
        Err(self.error())
    }

    /// Reads a value: up to where all brackets that it opened are closed.
    fn value(&mut self) -> Result<RawValue<'a>, SyntaxError> {
        let (start, mut depth, mut unrepresentable) = (self.at, 0usize, None);
        loop {
            match self.peek() {
                Some(b'"') => drop(self.string()?),
                Some(b'[' | b'{') => {
                    depth += 1;
                    self.at += 1;
                }
                Some(b']' | b'}') if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                Some(b',' | b':' | b' ' | b'\t' | b'\n' | b'\r') if depth > 0 => self.at += 1,
                Some(byte) if is_scalar(byte) => {
                    unrepresentable = unrepresentable.or(self.scalar());
                }
                _ => return Err(self.error()),
            }
            if depth == 0 {
                return Ok(RawValue { text: self.since(start), unrepresentable });
            }
        }
    }

    /// Skips a number or a word. Returns the number if it would lose its value.
    fn scalar(&mut self) -> Option<UnrepresentableNumber<'a>> {
        let start = self.at;
        while self.peek().is_some_and(is_scalar) {
            self.at += 1;
        }
        let token = self.since(start);
        match token.as_bytes() {
            [b't' | b'f' | b'n', ..] => None,
            [b'-' | b'0'..=b'9', .., b'0'..=b'9'] if token.len() < MIN_TOO_LARGE_LEN => None,
            _ => unrepresentable(token),
        }
    }
}

/// No integer with fewer characters exceeds 64 bits.
const MIN_TOO_LARGE_LEN: usize = "-9223372036854775809".len() - 1;

fn is_scalar(byte: u8) -> bool {
    !matches!(byte, b'"' | b'[' | b']' | b'{' | b'}' | b',' | b':' | b' ' | b'\t' | b'\n' | b'\r')
}

fn unrepresentable(token: &str) -> Option<UnrepresentableNumber<'_>> {
    let digits = token.strip_prefix('-').unwrap_or(token);
    if matches!(token, "NaN" | "Infinity" | "-Infinity") {
        return Some(UnrepresentableNumber::NotFinite(token));
    }
    let is_integer = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let fits = token.parse::<i64>().is_ok() || token.parse::<u64>().is_ok();
    (is_integer && !fits).then_some(UnrepresentableNumber::TooLarge(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the one value of `text`.
    fn whole(text: &str) -> Result<RawValue<'_>, SyntaxError> {
        let mut cursor = Cursor { text, at: 0 };
        cursor.skip_blanks();
        let value = cursor.value()?;
        cursor.finish().map(|()| value)
    }

    fn number_in(text: &str) -> Option<UnrepresentableNumber<'_>> {
        whole(text).unwrap().unrepresentable
    }

    fn of(text: &str) -> Vec<(&str, &str)> {
        members(text).map(|part| part.map(|(name, raw)| (name, raw.text)).unwrap()).collect()
    }

    #[test]
    fn members_are_separated_whatever_their_values_hold() {
        let text = r#" {"a" : [1, {"b": "]}\"\\"}] , "c":NaN,"é":"é", "d": {}} "#;
        let parts =
            [(r#""a""#, r#"[1, {"b": "]}\"\\"}]"#), (r#""c""#, "NaN"), (r#""é""#, r#""é""#)];
        assert_eq!(of(text)[..3], parts);
        assert_eq!(of(text)[3], (r#""d""#, "{}"));
        assert_eq!(of("{}"), []);
    }

    #[test]
    fn elements_are_separated() {
        let of = |text| elements(text).map(|part| part.unwrap().1.text).collect::<Vec<_>>();
        assert_eq!(of(r#"["boom", 7, ["a", "b"]]"#), [r#""boom""#, "7", r#"["a", "b"]"#]);
        assert_eq!(of("[ ]"), [""; 0]);
    }

    #[test]
    fn what_comes_before_a_syntax_error_is_still_found() {
        let mut parts = members(r#"{"a": 1, "b": [2"#);
        assert_eq!(parts.next().unwrap().unwrap().1.text, "1");
        assert_eq!(parts.next().unwrap().unwrap_err().to_string(), "unexpected end at byte 16");
        assert!(parts.next().is_none());
    }

    #[test]
    fn text_that_is_not_one_value_is_refused() {
        for text in ["", " ", "1 2", "[1", "}", "\"a", "\"a\\", ",", "1,", "[]]", "\u{feff}[] "] {
            assert!(whole(text).is_err(), "{text:?}");
        }
        for text in ["", "[]", "{\"a\"}", "{\"a\":}", "{,}", "{\"a\":1,}", "{\"a\":1}x", "{a:1}"] {
            assert!(members(text).any(|part| part.is_err()), "{text:?}");
        }
    }

    #[test]
    fn integers_up_to_64_bits_are_representable_and_larger_ones_are_not() {
        for text in
            ["18446744073709551615", "-9223372036854775808", "1e99", "123456789012345678901.5"]
        {
            assert_eq!(number_in(text), None, "{text}");
        }
        for text in ["18446744073709551616", "-9223372036854775809", "1180591620717411303424"] {
            assert_eq!(number_in(text), Some(UnrepresentableNumber::TooLarge(text)));
            assert_eq!(
                number_in(&format!("{{\"a\": [\"x\", {text}]}}")),
                Some(UnrepresentableNumber::TooLarge(text))
            );
        }
    }

    #[test]
    fn what_is_not_a_finite_number_is_unrepresentable_outside_of_strings() {
        for text in ["NaN", "Infinity", "-Infinity"] {
            assert_eq!(
                number_in(&format!("[1, {text}]")),
                Some(UnrepresentableNumber::NotFinite(text))
            );
            assert_eq!(number_in(&format!("[\"{text}\"]")), None);
        }
    }

    #[test]
    fn nesting_takes_no_stack() {
        let deep = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
        assert_eq!(whole(&deep).unwrap().text.len(), 2_000_000);
    }
}
