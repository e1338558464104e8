//! Limits for decoding.

/// The maximum size and depth of a message, so that its sender cannot exhaust memory or stack.
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
    /// The maximum size of a message, in bytes. Default: 16 MiB.
    pub max_bytes: usize,
    /// The maximum nesting depth of arrays and maps. Default: 64. Maximum:
    /// [`DecodeLimits::MAX_DEPTH`].
    pub max_depth: usize,
}

impl DecodeLimits {
    /// The largest effective value of [`DecodeLimits::max_depth`]: the recursion limit of
    /// `serde_json`.
    pub const MAX_DEPTH: usize = 127;

    /// Creates the default limits.
    #[must_use]
    pub const fn new() -> Self {
        Self { max_bytes: 16 * 1024 * 1024, max_depth: 64 }
    }

    /// Sets the maximum size of a message, in bytes.
    #[must_use]
    pub const fn max_bytes(self, max_bytes: usize) -> Self {
        Self { max_bytes, ..self }
    }

    /// Sets the maximum nesting depth of arrays and maps.
    ///
    /// Decoding uses stack in proportion to the depth. With the default, types with a derived
    /// `Deserialize` use much less than 512 KiB in an unoptimised build.
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
