//! Encoded bytes together with what they are encoded in.

use std::fmt;

use super::Codec;

/// An encoded value and its codec: arguments, a result, or the data of an error.
///
/// Printing shows the codec and the number of bytes, never the bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload {
    codec: Codec,
    bytes: Vec<u8>,
}

impl Payload {
    /// Bytes that are said to be of this codec; they are not looked at.
    #[must_use]
    pub const fn new(codec: Codec, bytes: Vec<u8>) -> Self {
        Self { codec, bytes }
    }

    /// What the bytes are encoded in.
    #[must_use]
    pub const fn codec(&self) -> Codec {
        self.codec
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, taken out.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The number of bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are no bytes, which is a valid value of no codec.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({}, {} bytes)", self.codec.name(), self.bytes.len())
    }
}
