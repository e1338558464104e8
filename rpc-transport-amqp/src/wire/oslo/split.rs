//! Takes JSON apart without understanding it.
//!
//! Python writes JSON that stricter readers refuse as a whole: `NaN`, integers of any size, half surrogate pairs. What
//! such a message is and who waits for its answer must be found all the same. So values are told apart by their
//! brackets and quotes alone; whoever takes one up reads it strictly.
//!
//! Nesting is counted, not descended into: its depth comes from outside.

use std::fmt;

use super::text;

/// A value as it is written.
#[derive(Debug, Copy, Clone)]
pub(super) struct Raw<'a> {
    pub(super) text: &'a str,
    /// The first number in it that could not be carried as it is.
    pub(super) odd: Option<OddNumber<'a>>,
}

/// A number that Python writes and that has no place in a message here.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(super) enum OddNumber<'a> {
    /// An integer that fits in 64 bits neither with nor without a sign. Readers would make a float of it.
    Large(&'a str),
    /// An infinity, or no number at all.
    Unbounded(&'a str),
}

/// Where text stops being JSON.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(super) struct Broken {
    at: usize,
    cut_short: bool,
}

impl fmt::Display for OddNumber<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Large(digits) => {
                write!(f, "the integer {} does not fit in 64 bits", text::shortened(digits))
            }
            Self::Unbounded(word) => write!(f, "{word} is no number in JSON (RFC 8259)"),
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.cut_short { "it ends" } else { "an unexpected character" };
        write!(f, "{what} at byte {}", self.at)
    }
}

impl<'a> Raw<'a> {
    /// What is written, if nothing in it would become another value.
    pub(super) fn exact(&self) -> Result<&'a str, OddNumber<'a>> {
        self.odd.map_or(Ok(self.text), Err)
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

/// The members of the object that `text` is, in order.
pub(super) fn members(text: &str) -> Parts<'_> {
    Parts::new(text, b'{', b'}')
}

/// The elements of the array that `text` is, in order, under empty names.
pub(super) fn elements(text: &str) -> Parts<'_> {
    Parts::new(text, b'[', b']')
}

/// The parts of an object or array: quoted name and value. Ends after the first break.
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

    /// Goes to the next part. False: there is none, and nothing follows.
    fn advance(&mut self) -> Result<bool, Broken> {
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

    fn part(&mut self) -> Result<Option<(&'a str, Raw<'a>)>, Broken> {
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
    type Item = Result<(&'a str, Raw<'a>), Broken>;

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

    fn broken(&self) -> Broken {
        Broken { at: self.at.min(self.text.len()), cut_short: self.at >= self.text.len() }
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), Broken> {
        if self.peek() != Some(byte) {
            return Err(self.broken());
        }
        self.at += 1;
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Broken> {
        self.skip_blanks();
        if self.at < self.text.len() { Err(self.broken()) } else { Ok(()) }
    }

    /// Cuts at places where there is a quote, a bracket or another ASCII character on one side, which are boundaries.
    fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// A string with its quotes.
    fn string(&mut self) -> Result<&'a str, Broken> {
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
        Err(self.broken())
    }

    /// A value: up to where all brackets that it opened are closed.
    fn value(&mut self) -> Result<Raw<'a>, Broken> {
        let (start, mut depth, mut odd) = (self.at, 0usize, None);
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
                Some(byte) if is_scalar(byte) => odd = odd.or(self.scalar()),
                _ => return Err(self.broken()),
            }
            if depth == 0 {
                return Ok(Raw { text: self.since(start), odd });
            }
        }
    }

    /// Goes behind a number or a word.
    fn scalar(&mut self) -> Option<OddNumber<'a>> {
        let start = self.at;
        while self.peek().is_some_and(is_scalar) {
            self.at += 1;
        }
        let token = self.since(start);
        match token.as_bytes() {
            [b't' | b'f' | b'n', ..] => None,
            [b'-' | b'0'..=b'9', .., b'0'..=b'9'] if token.len() < SHORTEST_LARGE => None,
            _ => odd_number(token),
        }
    }
}

/// No integer with fewer characters exceeds 64 bits.
const SHORTEST_LARGE: usize = "-9223372036854775809".len() - 1;

fn is_scalar(byte: u8) -> bool {
    !matches!(byte, b'"' | b'[' | b']' | b'{' | b'}' | b',' | b':' | b' ' | b'\t' | b'\n' | b'\r')
}

fn odd_number(token: &str) -> Option<OddNumber<'_>> {
    let digits = token.strip_prefix('-').unwrap_or(token);
    if matches!(token, "NaN" | "Infinity" | "-Infinity") {
        return Some(OddNumber::Unbounded(token));
    }
    let is_integer = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let fits = token.parse::<i64>().is_ok() || token.parse::<u64>().is_ok();
    (is_integer && !fits).then_some(OddNumber::Large(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The one value that `text` holds.
    fn whole(text: &str) -> Result<Raw<'_>, Broken> {
        let mut cursor = Cursor { text, at: 0 };
        cursor.skip_blanks();
        let value = cursor.value()?;
        cursor.finish().map(|()| value)
    }

    fn odd(text: &str) -> Option<OddNumber<'_>> {
        whole(text).unwrap().odd
    }

    fn of(text: &str) -> Vec<(&str, &str)> {
        members(text).map(|part| part.map(|(name, raw)| (name, raw.text)).unwrap()).collect()
    }

    #[test]
    fn members_are_told_apart_whatever_their_values_hold() {
        let text = r#" {"a" : [1, {"b": "]}\"\\"}] , "c":NaN,"é":"é", "d": {}} "#;
        let parts =
            [(r#""a""#, r#"[1, {"b": "]}\"\\"}]"#), (r#""c""#, "NaN"), (r#""é""#, r#""é""#)];
        assert_eq!(of(text)[..3], parts);
        assert_eq!(of(text)[3], (r#""d""#, "{}"));
        assert_eq!(of("{}"), []);
    }

    #[test]
    fn elements_are_told_apart() {
        let of = |text| elements(text).map(|part| part.unwrap().1.text).collect::<Vec<_>>();
        assert_eq!(of(r#"["boom", 7, ["a", "b"]]"#), [r#""boom""#, "7", r#"["a", "b"]"#]);
        assert_eq!(of("[ ]"), [""; 0]);
    }

    #[test]
    fn what_came_before_a_break_is_still_found() {
        let mut parts = members(r#"{"a": 1, "b": [2"#);
        assert_eq!(parts.next().unwrap().unwrap().1.text, "1");
        assert_eq!(parts.next().unwrap().unwrap_err().to_string(), "it ends at byte 16");
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
    fn integers_up_to_64_bits_are_not_odd_and_larger_ones_are() {
        for text in
            ["18446744073709551615", "-9223372036854775808", "1e99", "123456789012345678901.5"]
        {
            assert_eq!(odd(text), None, "{text}");
        }
        for text in ["18446744073709551616", "-9223372036854775809", "1180591620717411303424"] {
            assert_eq!(odd(text), Some(OddNumber::Large(text)));
            assert_eq!(odd(&format!("{{\"a\": [\"x\", {text}]}}")), Some(OddNumber::Large(text)));
        }
    }

    #[test]
    fn what_is_no_finite_number_is_odd_outside_of_strings() {
        for text in ["NaN", "Infinity", "-Infinity"] {
            assert_eq!(odd(&format!("[1, {text}]")), Some(OddNumber::Unbounded(text)));
            assert_eq!(odd(&format!("[\"{text}\"]")), None);
        }
    }

    #[test]
    fn nesting_takes_no_stack() {
        let deep = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
        assert_eq!(whole(&deep).unwrap().text.len(), 2_000_000);
    }
}
