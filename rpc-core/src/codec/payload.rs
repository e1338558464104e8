//! Encoded bytes with their codec.

use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use serde::de::DeserializeSeed;
use serde::{Deserialize, Serialize};

use super::{Codec, DecodeError, DecodeLimits, EncodeError, msgpack};

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
#[derive(Clone)]
pub struct Payload {
    codec: Codec,
    bytes: Bytes,
    /// Whether this process encoded the bytes, so that their structure need not be checked.
    encoded_here: bool,
}

impl Payload {
    /// Creates a payload from bytes in this codec. The bytes are not checked.
    ///
    /// `Bytes`, a `Vec<u8>` and a `String` are taken over without a copy.
    #[must_use]
    pub fn new(codec: Codec, bytes: impl Into<Bytes>) -> Self {
        Self { codec, bytes: bytes.into(), encoded_here: false }
    }

    /// Encodes a value. Whoever decodes it in this process does not check the structure of the bytes first, which is 4 % of
    /// an in-memory call.
    pub(crate) fn encode<T: Serialize + ?Sized>(
        codec: Codec,
        value: &T,
    ) -> Result<Self, EncodeError> {
        codec.encode(value).map(|bytes| Self::encoded_here(codec, bytes))
    }

    /// Creates a payload from bytes that [`Codec::encode`] returned.
    pub(crate) const fn encoded_here(codec: Codec, bytes: Bytes) -> Self {
        Self { codec, bytes, encoded_here: true }
    }

    /// Decodes the value.
    pub(crate) fn decode<'de, T: Deserialize<'de>>(
        &'de self,
        limits: &DecodeLimits,
    ) -> Result<T, DecodeError> {
        self.decode_seed(PhantomData::<T>, limits)
    }

    /// Decodes the value with a `DeserializeSeed`.
    pub(crate) fn decode_seed<'de, S: DeserializeSeed<'de>>(
        &'de self,
        seed: S,
        limits: &DecodeLimits,
    ) -> Result<S::Value, DecodeError> {
        self.codec.decode_seed(seed, &self.bytes, limits, self.encoded_here)
    }

    /// Returns a deserializer of the entries, if the bytes are a sound map of `length` entries in MessagePack.
    #[inline]
    pub(crate) fn msgpack_entries(
        &self,
        length: usize,
        limits: &DecodeLimits,
    ) -> Option<msgpack::Deserializer<'_>> {
        if self.codec != Codec::MessagePack || self.bytes.len() > limits.max_bytes {
            return None;
        }
        msgpack::entries(&self.bytes, length, limits.depth(), self.encoded_here)
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

/// Payloads are equal if their codecs and their bytes are.
impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        (self.codec, &self.bytes) == (other.codec, &other.bytes)
    }
}

impl Eq for Payload {}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({}, {} bytes)", self.codec.name(), self.bytes.len())
    }
}
