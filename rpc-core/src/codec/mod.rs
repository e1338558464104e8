//! Codecs: encoding values as bytes and decoding them.

mod buffer;
mod error;
mod json;
mod limits;
mod msgpack;
mod payload;

use std::marker::PhantomData;

use bytes::Bytes;
use serde::de::DeserializeSeed;
use serde::{Deserialize, Serialize};

pub use self::error::{DecodeError, DecodeErrorKind, EncodeError};
pub use self::limits::DecodeLimits;
pub use self::payload::Payload;

/// The encoding of arguments, results and errors.
///
/// Every message names its codec, and its reply is encoded in the same one. Both codecs encode a
/// struct as a map of its field names, so fields can be added and omitted.
///
/// The enum is exhaustive, so that a transport does not compile until it handles an added codec.
#[derive(Copy, Clone, Eq, PartialEq, Hash, Debug)]
pub enum Codec {
    /// [MessagePack](https://github.com/msgpack/msgpack/blob/master/spec.md), the default between
    /// Rust programs.
    MessagePack,
    /// JSON (RFC 8259), for Python peers. Bytes become an array of numbers. NaN and infinities
    /// become null.
    Json,
}

/// The outermost type of an encoded value.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub(crate) enum Shape {
    Nil,
    Map,
    Other,
}

impl Codec {
    /// Encodes a value.
    ///
    /// Returns [`Bytes`], which a [`Payload`] holds and a transport sends without copying them. A large message may keep
    /// spare capacity, up to its own length.
    ///
    /// # Errors
    ///
    /// Fails if the value's `Serialize` implementation fails, or if the codec cannot represent the
    /// value. For example, JSON maps cannot have keys that are not scalars.
    ///
    /// ```
    /// use rpc_core::Codec;
    ///
    /// assert_eq!(Codec::Json.encode(&("a", 1))?, &br#"["a",1]"#[..]);
    /// # Ok::<(), rpc_core::EncodeError>(())
    /// ```
    pub fn encode<T: Serialize + ?Sized>(self, value: &T) -> Result<Bytes, EncodeError> {
        buffer::collect(|buffer| match self {
            Self::MessagePack => msgpack::encode(value, buffer),
            Self::Json => json::encode(value, buffer),
        })
    }

    /// Decodes untrusted bytes.
    ///
    /// The structure of the bytes is checked before `T` deserializes them: the limits, that all
    /// declared lengths are present, and that nothing follows. No memory is reserved for a declared
    /// length alone.
    ///
    /// The memory that `T` uses is its own matter. A `Vec` of structs takes the size of the struct
    /// per member, and serde may reserve up to 1 MiB before the first member is decoded. So a large
    /// struct that decodes from a single byte lets a hostile sender allocate a multiple of what it
    /// sends.
    ///
    /// # Errors
    ///
    /// Fails for the reasons in [`DecodeErrorKind`].
    ///
    /// ```
    /// use rpc_core::{Codec, DecodeErrorKind, DecodeLimits};
    ///
    /// let error = Codec::Json.decode::<u8>(b"[[1]]", &DecodeLimits::new().max_depth(1)).unwrap_err();
    /// assert_eq!(error.kind(), &DecodeErrorKind::TooDeep { limit: 1 });
    /// ```
    pub fn decode<'de, T: Deserialize<'de>>(
        self,
        bytes: &'de [u8],
        limits: &DecodeLimits,
    ) -> Result<T, DecodeError> {
        self.decode_seed(PhantomData, bytes, limits)
    }

    /// Decodes bytes like [`Codec::decode`], with a `DeserializeSeed`.
    pub(crate) fn decode_seed<'de, S: DeserializeSeed<'de>>(
        self,
        seed: S,
        bytes: &'de [u8],
        limits: &DecodeLimits,
    ) -> Result<S::Value, DecodeError> {
        if bytes.len() > limits.max_bytes {
            let (bytes, limit) = (bytes.len(), limits.max_bytes);
            return Err(DecodeErrorKind::TooLarge { bytes, limit }.into());
        }
        match self {
            Self::MessagePack => msgpack::decode(seed, bytes, limits.depth()),
            Self::Json => json::decode(seed, bytes, limits.depth()),
        }
    }

    /// Returns the name of the codec in logs and on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MessagePack => "msgpack",
            Self::Json => "json",
        }
    }

    /// Returns the shape of an encoded value, without decoding it.
    pub(crate) fn shape_of(self, encoded: &[u8]) -> Shape {
        match self {
            Self::MessagePack => msgpack::shape_of(encoded),
            Self::Json => json::shape_of(encoded),
        }
    }

    /// Returns the encoding of a map without entries.
    pub(crate) const fn empty_map(self) -> &'static [u8] {
        match self {
            Self::MessagePack => msgpack::EMPTY_MAP,
            Self::Json => json::EMPTY_MAP,
        }
    }

    /// Returns whether it is a text format: some types serialize differently in text and in binary
    /// formats.
    pub(crate) const fn is_text(self) -> bool {
        match self {
            Self::MessagePack => false,
            Self::Json => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_shape_of_an_encoded_value_is_known_without_decoding_it() {
        for codec in [Codec::MessagePack, Codec::Json] {
            let shape_of = |encoded: Bytes| codec.shape_of(&encoded);
            let large: BTreeMap<u32, ()> = (0..70_000).map(|n| (n, ())).collect();
            assert_eq!(codec.shape_of(codec.empty_map()), Shape::Map);
            assert_eq!(shape_of(codec.encode(&large).unwrap()), Shape::Map);
            assert_eq!(shape_of(codec.encode(&()).unwrap()), Shape::Nil);
            assert_eq!(shape_of(codec.encode(&("a", 1)).unwrap()), Shape::Other);
            assert_eq!(shape_of(codec.encode("a").unwrap()), Shape::Other);
            assert_eq!(codec.shape_of(&[]), Shape::Other);
        }
    }
}
