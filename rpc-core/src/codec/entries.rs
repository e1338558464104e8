//! Encoding the entries of a map one by one, by their names.

use serde::Serialize;
use serde::ser::{Error, SerializeMap};

/// Encodes the entries of a map.
///
/// Every `SerializeMap` does it. MessagePack has an implementation that writes the names as bytes.
pub trait EncodeEntries {
    /// The error of a value that cannot be encoded.
    type Error: Error;

    /// Encodes the next entry.
    ///
    /// # Errors
    ///
    /// Fails if the value cannot be encoded.
    fn encode<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Self::Error>;
}

impl<M: SerializeMap> EncodeEntries for M {
    type Error = M::Error;

    #[inline]
    fn encode<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), M::Error> {
        self.serialize_entry(name, value)
    }
}
