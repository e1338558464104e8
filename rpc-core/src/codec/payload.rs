//! Encoded bytes with their codec.

use std::fmt;

use bytes::Bytes;

use super::Codec;

/// An encoded value with its codec: the arguments, the result or the details of an error.
///
/// The bytes are [`Bytes`] of the crate `bytes`: a clone shares them.
///
/// `Debug` prints the codec and the number of bytes, never the bytes.
///
/// ```
/// use rpc_core::{Codec, DecodeLimits, Payload};
///
/// let payload = Payload::new(Codec::Json, Codec::Json.encode("hello")?);
/// let text: String = payload.codec().decode(payload.bytes(), &DecodeLimits::new()).unwrap();
/// assert_eq!(text, "hello");
/// # Ok::<(), rpc_core::EncodeError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Payload {
    codec: Codec,
    bytes: Bytes,
}

impl Payload {
    /// Creates a payload from bytes in this codec. The bytes are not checked.
    ///
    /// `Bytes`, a `Vec<u8>` and a `String` are taken over without a copy.
    #[must_use]
    pub fn new(codec: Codec, bytes: impl Into<Bytes>) -> Self {
        Self { codec, bytes: bytes.into() }
    }

    /// Returns the codec of the bytes.
    #[must_use]
    pub const fn codec(&self) -> Codec {
        self.codec
    }

    /// Returns the bytes.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Consumes the payload and returns its bytes.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// Returns the number of bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Returns whether there are no bytes. No codec encodes a value as zero bytes.
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
