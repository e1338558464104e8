//! Percent-decoding.

use percent_encoding::percent_decode_str;

/// Decodes `text`. A `%` that begins no code stands for itself, as in Python.
pub(super) fn decode(text: &str, what: &str) -> Result<String, String> {
    match percent_decode_str(text).decode_utf8() {
        Ok(decoded) => Ok(decoded.into_owned()),
        Err(_) => Err(format!("{what} is not UTF-8 after percent-decoding")),
    }
}
