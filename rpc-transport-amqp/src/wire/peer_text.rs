//! Text from peers, in reasons and logs.

use rpc_core::transport::Untrusted;

/// The longest text in characters. Reasons repeat what a peer has written, and that may take megabytes.
const MAX_CHARS: usize = 400;

/// Returns a text with what does not print escaped, cut to 400 characters.
pub(crate) fn shortened(text: String) -> String {
    Untrusted(&text).up_to(MAX_CHARS).to_string()
}
