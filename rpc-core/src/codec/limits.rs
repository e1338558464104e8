//! How much is taken from outside.

/// What a message may be at most, so that whoever sends it cannot exhaust memory or stack.
///
/// ```
/// use rpc_core::{Codec, DecodeLimits};
///
/// let limits = DecodeLimits::new().max_bytes(1024).max_depth(8);
/// assert!(Codec::Json.decode::<Vec<u8>>(b"[1, 2]", &limits).is_ok());
/// ```
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecodeLimits {
    /// The longest message that is read, in bytes. Default: 16 MiB.
    pub max_bytes: usize,
    /// How deep arrays and maps may be nested. Default: 64; at most [`DecodeLimits::MAX_DEPTH`].
    pub max_depth: usize,
}

impl DecodeLimits {
    /// The deepest nesting that can be allowed; a larger [`DecodeLimits::max_depth`] counts as this.
    /// JSON is read by `serde_json`, which goes no deeper.
    pub const MAX_DEPTH: usize = 127;

    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self { max_bytes: 16 * 1024 * 1024, max_depth: 64 }
    }

    /// Sets the longest message that is read, in bytes.
    #[must_use]
    pub const fn max_bytes(self, max_bytes: usize) -> Self {
        Self { max_bytes, ..self }
    }

    /// Sets how deep arrays and maps may be nested.
    ///
    /// Decoding takes stack in proportion: the default stays well below 512 KiB in an unoptimised
    /// build, for types whose own `Deserialize` is derived.
    #[must_use]
    pub const fn max_depth(self, max_depth: usize) -> Self {
        Self { max_depth, ..self }
    }

    pub(crate) const fn depth(self) -> usize {
        if self.max_depth < Self::MAX_DEPTH { self.max_depth } else { Self::MAX_DEPTH }
    }
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self::new()
    }
}
