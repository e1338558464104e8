//! Names that came from outside, in messages and logs.

use std::fmt::{self, Display};

/// A name as logs show it: no control characters, and no more of it than a line can bear.
pub(crate) struct Outside<'a>(pub(crate) &'a str);

/// The same in backquotes, for messages.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl Outside<'_> {
    const LONGEST: usize = 64;
}

impl Display for Outside<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(Self::LONGEST) {
            None => self.0.escape_debug().fmt(f),
            Some((cut, _)) => write!(f, "{}…", self.0[..cut].escape_debug()),
        }
    }
}

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", Outside(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_escaped_and_cut() {
        assert_eq!(Quoted("transfer").to_string(), "`transfer`");
        assert_eq!(Outside("a\nb\u{1b}").to_string(), "a\\nb\\u{1b}");
        let shown = Quoted(&"ü".repeat(100_000)).to_string();
        assert_eq!(shown, format!("`{}…`", "ü".repeat(64)));
    }
}
