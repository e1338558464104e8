//! Text from peers, in error texts and logs.

use std::fmt::{self, Display, Write as _};

/// Displays text that a peer has written: what does not print is escaped, and what is longer than a name is cut off.
///
/// Transports use it for what they log and report of received messages. Quotes and backslashes stay as they are.
///
/// ```
/// use rpc_core::transport::Untrusted;
///
/// assert_eq!(Untrusted("a \"name\"\n").to_string(), "a \"name\"\\n");
/// assert_eq!(Untrusted(&"x".repeat(1000)).to_string(), format!("{}…", "x".repeat(64)));
/// assert_eq!(Untrusted("a long text").up_to(6).to_string(), "a long…");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Untrusted<'a>(pub &'a str);

/// Displays a peer's name as [`Untrusted`] does, in backquotes.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

/// What prints well, although [`str::escape_debug`] escapes it.
const UNESCAPED: [char; 3] = ['"', '\'', '\\'];

struct Shortened<'a> {
    text: &'a str,
    max_chars: usize,
}

impl<'a> Untrusted<'a> {
    /// The longest name in characters.
    const MAX_CHARS: usize = 64;

    /// Displays up to so many characters instead of 64.
    pub fn up_to(self, max_chars: usize) -> impl Display + use<'a> {
        Shortened { text: self.0, max_chars }
    }
}

impl Display for Shortened<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cut = self.text.char_indices().nth(self.max_chars).map(|(at, _)| at);
        let shown = cut.and_then(|at| self.text.get(..at)).unwrap_or(self.text);
        for part in shown.split_inclusive(UNESCAPED) {
            let (text, mark) = part.split_at(part.trim_end_matches(UNESCAPED).len());
            text.escape_debug().fmt(f)?;
            f.write_str(mark)?;
        }
        if cut.is_some() { f.write_char('…') } else { Ok(()) }
    }
}

impl Display for Untrusted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.up_to(Self::MAX_CHARS).fmt(f)
    }
}

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", Untrusted(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_a_peer_is_escaped_and_cut() {
        assert_eq!(Quoted("transfer").to_string(), "`transfer`");
        for plain in ["", "unsupported codec \"cbor\"", "é \\ ' \\\"", "\"", "e\u{301}"] {
            assert_eq!(Untrusted(plain).to_string(), plain);
        }
        assert_eq!(Untrusted("a\nb\u{1b}\u{85}\"\0").to_string(), "a\\nb\\u{1b}\\u{85}\"\\0");
        // It would show the rest from right to left.
        assert_eq!(Untrusted("\u{202e}").to_string(), "\\u{202e}");
        let long = "ü".repeat(100_000);
        assert_eq!(Quoted(&long).to_string(), format!("`{}…`", "ü".repeat(64)));
        assert_eq!(Untrusted(&long).up_to(400).to_string(), format!("{}…", "ü".repeat(400)));
        assert_eq!(Untrusted("four").up_to(4).to_string(), "four");
    }
}
