//! How values become bytes and bytes become values.

mod error;
mod json;
mod limits;
mod msgpack;
mod payload;

use std::marker::PhantomData;

use serde::de::{DeserializeOwned, DeserializeSeed};
use serde::{Deserialize, Serialize};

use crate::value::{self, Value};

pub use self::error::{DecodeError, DecodeErrorKind, EncodeError};
pub use self::limits::DecodeLimits;
pub use self::payload::Payload;

/// The form of arguments, results and errors on their way. Each message says which one it uses,
/// and is answered in the same.
///
/// In both a struct is a map of its fields' names, so that fields can be added and left out.
///
/// The enum is exhaustive on purpose: a transport does not compile until it handles a codec that was added.
#[derive(Copy, Clone, Eq, PartialEq, Hash, Debug)]
pub enum Codec {
    /// [MessagePack](https://github.com/msgpack/msgpack/blob/master/spec.md): the native form.
    MessagePack,
    /// JSON (RFC 8259), which a Python peer speaks. Bytes become an array of numbers, and what is
    /// no number (infinities, NaN) becomes null.
    Json,
}

/// From this size on, in bytes, a message keeps no spare room.
const LARGE: usize = 64 * 1024;

impl Codec {
    /// Encodes a value.
    ///
    /// # Errors
    ///
    /// When the value's own `Serialize` fails, or the form cannot hold it: a JSON map with keys
    /// that are no scalars, for example.
    ///
    /// ```
    /// use rpc_core::Codec;
    ///
    /// assert_eq!(Codec::Json.encode(&("a", 1))?, br#"["a",1]"#);
    /// # Ok::<(), rpc_core::EncodeError>(())
    /// ```
    pub fn encode<T: Serialize + ?Sized>(self, value: &T) -> Result<Vec<u8>, EncodeError> {
        let mut bytes = match self {
            Self::MessagePack => msgpack::encode(value),
            Self::Json => json::encode(value),
        }?;
        // Buffers grow by doubling, and a message may lie in a queue for long.
        if bytes.len() > LARGE {
            bytes.shrink_to_fit();
        }
        Ok(bytes)
    }

    /// Decodes bytes that may come from anywhere.
    ///
    /// Their structure is checked before `T` sees any of them: the limits, that each declared
    /// length is really there, and that nothing follows. No memory is reserved for what is
    /// only declared.
    ///
    /// What `T` makes of the bytes is its own: a `Vec` of structs takes the size of the struct for
    /// each member, and serde lets it reserve up to 1 MiB of that before the first one is read. A
    /// struct that can be read from a single byte is as large a gift to a hostile sender as its size.
    ///
    /// # Errors
    ///
    /// [`DecodeErrorKind`] lists them. Nothing of a value is kept when decoding fails.
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

    /// [`Codec::decode`] for what has no type of its own that says how it is read.
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

    /// The name under which the codec is known in logs and on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MessagePack => "msgpack",
            Self::Json => "json",
        }
    }

    /// Turns a Rust value into the [`Value`] that its encoding would hold.
    ///
    /// This differs from [`to_value`](crate::to_value) for types that write themselves in one way
    /// as text and in another as binary, as IP addresses do: JSON is text.
    ///
    /// # Errors
    ///
    /// As [`to_value`](crate::to_value).
    pub fn to_value<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, EncodeError> {
        value::to_value_for(self, value)
    }

    /// Turns a [`Value`] that this codec decoded into a Rust value.
    ///
    /// # Errors
    ///
    /// As [`from_value`](crate::from_value).
    pub fn from_value<T: DeserializeOwned>(self, value: Value) -> Result<T, DecodeError> {
        value::from_value_for(self, value)
    }

    pub(crate) const fn is_text(self) -> bool {
        match self {
            Self::MessagePack => false,
            Self::Json => true,
        }
    }
}
