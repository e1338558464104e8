//! Text from peers, in reasons and logs.

use std::fmt::Write as _;

/// The longest text in characters. Reasons repeat what a peer has written, and that may take megabytes.
const MAX_CHARS: usize = 400;

/// Returns a text with control characters escaped, cut to 400 characters.
pub(crate) fn shortened(text: String) -> String {
    let cut = text.char_indices().nth(MAX_CHARS).map(|(at, _)| at);
    if cut.is_none() && !text.contains(char::is_control) {
        return text;
    }
    let kept = text.get(..cut.unwrap_or(text.len())).unwrap_or_default();
    let mut out = String::with_capacity(kept.len() + 8);
    for char in kept.chars() {
        if char.is_control() {
            // Writing to a string cannot fail.
            let _ = write!(out, "{}", char.escape_debug());
        } else {
            out.push(char);
        }
    }
    if cut.is_some() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_a_peer_is_escaped_and_cut() {
        for plain in ["", "unsupported codec \"cbor\"", "é \\ '"] {
            assert_eq!(shortened(plain.to_owned()), plain);
        }
        assert_eq!(shortened("a\nb\u{1b}\u{85}".to_owned()), "a\\nb\\u{1b}\\u{85}");
        assert_eq!(shortened("ü".repeat(400)), "ü".repeat(400));
        assert_eq!(shortened("ü".repeat(100_000)), format!("{}…", "ü".repeat(400)));
    }
}
