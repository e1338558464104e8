//! Codecs: encoding values as bytes and decoding them.

mod buffer;
mod entries;
pub(crate) mod error;
mod json;
pub(crate) mod key;
mod limits;
mod msgpack;
mod payload;
pub(crate) mod strict;
#[cfg(test)]
mod tests;

use std::marker::PhantomData;

use bytes::Bytes;
use serde::de::DeserializeSeed;
use serde::{Deserialize, Serialize};

pub use self::entries::EncodeEntries;
pub use self::error::{DecodeError, DecodeErrorKind, EncodeError};
pub use self::limits::DecodeLimits;
pub use self::msgpack::Deserializer as MessagePackDeserializer;
pub use self::payload::Payload;

/// The encoding of arguments, results and errors.
///
/// Every message names its codec, and its reply is encoded in the same one. Both codecs encode a
/// struct as a map of its field names, so fields can be added and omitted.
///
/// # Shape of values
///
/// A value has the same shape in both codecs and as a [`Value`](crate::Value):
///
/// - Types that serialize differently for people and for machines, such as IP addresses, use the
///   form for people.
/// - `()`, a unit struct and `None` are null. A `Some` whose content is null is refused when it is
///   encoded, because it could not be told from `None`.
/// - `u128` and `i128` are ordinary integers. Those that do not fit in 64 bits are refused.
/// - Keys of maps are text. Integers, finite floats, booleans, characters and unit variants are
///   converted to text and back. All other keys are refused.
///
/// Two things differ: JSON has no bytes (they become an array of numbers), and it has neither NaN
/// nor infinities (they are refused).
///
/// serde reads tagged, untagged and flattened types through a buffer of its own. In these, `u128`,
/// `i128` and maps whose keys are not text cannot be decoded, with either codec, and bytes become
/// an array of numbers. Enums without a serde attribute have no such limits.
///
/// The enum is exhaustive, so that a transport does not compile until it handles an added codec.
#[derive(Copy, Clone, Eq, PartialEq, Hash, Debug)]
pub enum Codec {
    /// [MessagePack](https://github.com/msgpack/msgpack/blob/master/spec.md), the default between
    /// Rust programs.
    MessagePack,
    /// JSON (RFC 8259), for Python peers. Bytes become an array of numbers. NaN and infinities are
    /// refused.
    Json,
}

/// The outermost type of an encoded value.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub(crate) enum Shape {
    Nil,
    Map,
    Other,
}

/// The name of the newtype struct with which a type asks for any value, bytes included.
///
/// Types that serde buffers (tagged, untagged and flattened ones) also ask for any value, and see
/// bytes as an array of numbers. Otherwise bytes that are UTF-8 could become the text variant of an
/// untagged enum.
pub(crate) const ANY_WITH_BYTES: &str = "$rpc_core::Value";

impl Codec {
    /// Encodes a value.
    ///
    /// Returns [`Bytes`], which a [`Payload`] holds and a transport sends without copying them. A large message may keep
    /// spare capacity, up to its own length and 1 MiB.
    ///
    /// # Errors
    ///
    /// Fails if the value's `Serialize` implementation fails, or if the value contains something
    /// that is refused; see [shape of values](Codec#shape-of-values). The error names the fields and
    /// variants that contain it.
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

    /// Encodes a map of `length` entries. In MessagePack `write` encodes them one by one, otherwise the map is `value`.
    ///
    /// Names that are written as bytes, instead of by a serializer, save 3 % of an in-memory call.
    #[inline]
    pub(crate) fn encode_entries<T: Serialize>(
        self,
        length: usize,
        value: &T,
        write: impl FnOnce(&mut msgpack::Entries<'_>) -> Result<(), EncodeError>,
    ) -> Result<Bytes, EncodeError> {
        if self != Self::MessagePack || length > msgpack::Entries::MAX {
            return self.encode(value);
        }
        buffer::collect(|buffer| write(&mut msgpack::Entries::new(buffer, length)))
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
        self.decode_seed(PhantomData, bytes, limits, false)
    }

    /// Decodes bytes like [`Codec::decode`], with a `DeserializeSeed`.
    ///
    /// The structure of bytes that were `encoded_here`, by this process, is not checked before. The limits hold all the same.
    pub(crate) fn decode_seed<'de, S: DeserializeSeed<'de>>(
        self,
        seed: S,
        bytes: &'de [u8],
        limits: &DecodeLimits,
        encoded_here: bool,
    ) -> Result<S::Value, DecodeError> {
        if bytes.len() > limits.max_bytes {
            let (bytes, limit) = (bytes.len(), limits.max_bytes);
            return Err(DecodeErrorKind::TooLarge { bytes, limit }.into());
        }
        match self {
            Self::MessagePack => msgpack::decode(seed, bytes, limits.depth(), encoded_here),
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
}
