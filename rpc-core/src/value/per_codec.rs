//! Conversions between Rust types and values in the form of a codec.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Value;
use super::de::from_value_for;
use super::ser::to_value_for;
use crate::codec::{Codec, DecodeError, EncodeError};

impl Codec {
    /// Converts a Rust value into the [`Value`] that its encoding in this codec would contain.
    ///
    /// This differs from [`to_value`](crate::to_value) for types that serialize differently in text
    /// and in binary formats, such as IP addresses. JSON is a text format, MessagePack is a binary
    /// one.
    ///
    /// # Errors
    ///
    /// Fails like [`to_value`](crate::to_value).
    ///
    /// ```
    /// use std::net::Ipv4Addr;
    /// use rpc_core::Codec;
    ///
    /// assert_eq!(Codec::Json.to_value(&Ipv4Addr::LOCALHOST)?, "127.0.0.1".into());
    /// # Ok::<(), rpc_core::EncodeError>(())
    /// ```
    pub fn to_value<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, EncodeError> {
        to_value_for(self, value)
    }

    /// Converts a [`Value`] that was decoded with this codec into a Rust value.
    ///
    /// # Errors
    ///
    /// Fails like [`from_value`](crate::from_value).
    pub fn from_value<T: DeserializeOwned>(self, value: Value) -> Result<T, DecodeError> {
        from_value_for(self, value)
    }
}
