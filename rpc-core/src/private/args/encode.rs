//! Encodes arguments.

use bytes::Bytes;
use serde::ser::{Error, Serialize, SerializeMap, Serializer};

use super::rest::Rest;
use super::tuple::ArgRefs;
use crate::codec::strict::within;
use crate::codec::{Codec, EncodeError};

/// Encodes arguments as a map of their names, in one pass.
///
/// `names` has as many elements as the tuple. Arguments whose bit is set in `absent` are omitted.
///
/// # Errors
///
/// Fails if an argument cannot be encoded in this codec.
pub fn encode_args<T: ArgRefs>(
    codec: Codec,
    names: &[&str],
    values: &T,
    absent: u32,
) -> Result<Bytes, EncodeError> {
    let named = NamedArgs { names, values, absent };
    codec.encode_entries(named.len(), &named, |entries| values.encode(names, absent, entries))
}

/// Encodes arguments like [`encode_args`], followed by the entries of `rest`.
///
/// # Errors
///
/// Fails if an argument cannot be encoded in this codec, or if `rest` has an entry with the name of
/// another argument.
pub fn encode_args_and_rest<T: ArgRefs, R: Rest>(
    codec: Codec,
    names: &[&str],
    values: &T,
    absent: u32,
    rest: &R,
) -> Result<Bytes, EncodeError> {
    codec.encode(&NamedArgsAndRest { named: NamedArgs { names, values, absent }, rest })
}

struct NamedArgs<'a, T> {
    names: &'a [&'a str],
    values: &'a T,
    absent: u32,
}

impl<T> NamedArgs<'_, T> {
    fn len(&self) -> usize {
        self.names.len() - self.absent.count_ones() as usize
    }
}

impl<T: ArgRefs> Serialize for NamedArgs<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        self.values.encode(self.names, self.absent, &mut map)?;
        map.end()
    }
}

struct NamedArgsAndRest<'a, T, R> {
    named: NamedArgs<'a, T>,
    rest: &'a R,
}

impl<T: ArgRefs, R: Rest> Serialize for NamedArgsAndRest<'_, T, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let NamedArgs { names, values, absent } = self.named;
        let entries = self.rest.entries();
        let mut map = serializer.serialize_map(Some(self.named.len() + entries.len()))?;
        values.encode(names, absent, &mut map)?;
        for (name, value) in entries {
            if names.contains(&name) {
                return Err(S::Error::custom(format_args!(
                    "the remaining arguments contain `{name}`, which is the name of another argument"
                )));
            }
            map.serialize_entry(name, value).map_err(|error| within("argument ", name, error))?;
        }
        map.end()
    }
}
