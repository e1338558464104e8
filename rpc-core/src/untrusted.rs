//! Names from peers, in error texts and logs.

use std::fmt::{self, Display};

/// Displays a peer's name with control characters escaped, cut to 64 characters.
pub(crate) struct Untrusted<'a>(pub(crate) &'a str);

/// Displays a peer's name as [`Untrusted`] does, in backquotes.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl Untrusted<'_> {
    const MAX_CHARS: usize = 64;
}

impl Display for Untrusted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(Self::MAX_CHARS) {
            None => self.0.escape_debug().fmt(f),
            Some((cut, _)) => write!(f, "{}…", self.0[..cut].escape_debug()),
        }
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
    fn a_name_is_escaped_and_cut() {
        assert_eq!(Quoted("transfer").to_string(), "`transfer`");
        assert_eq!(Untrusted("a\nb\u{1b}").to_string(), "a\\nb\\u{1b}");
        let shown = Quoted(&"ü".repeat(100_000)).to_string();
        assert_eq!(shown, format!("`{}…`", "ü".repeat(64)));
    }
}
