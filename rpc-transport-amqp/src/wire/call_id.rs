//! The ids by which replies find their calls.

use std::fmt;

use rpc_core::pending_calls::CallKey;

/// A pending call's key as text: 32 hexadecimal digits, the form of oslo.messaging's `_msg_id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CallId(CallKey);

impl CallId {
    pub(crate) fn of(key: CallKey) -> Self {
        Self(key)
    }

    /// Parses the key. `None`: no call of this program has such an id.
    pub(crate) fn parse(text: &str) -> Option<CallKey> {
        let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let bits = digits.then(|| u128::from_str_radix(text, 16).ok()).flatten()?;
        Some(CallKey::from_bits(bits))
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0.to_bits())
    }
}
