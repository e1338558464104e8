//! Writing arguments.

use serde::ser::{Error, Serialize, SerializeMap, Serializer};

use super::rest::Rest;
use super::tuple::ArgRefs;
use crate::codec::{Codec, EncodeError};

/// Encodes arguments as a map of their names, in one pass.
///
/// `names` has as many elements as the tuple; arguments whose bit is set in `absent` are left out.
///
/// # Errors
///
/// An argument cannot be written in this codec.
pub fn encode_args<T: ArgRefs>(
    codec: Codec,
    names: &[&str],
    values: &T,
    absent: u32,
) -> Result<Vec<u8>, EncodeError> {
    codec.encode(&Named { names, values, absent })
}

/// The same with the entries of `rest` behind the named arguments.
///
/// # Errors
///
/// An argument cannot be written in this codec, or `rest` holds an entry with the name of another
/// argument.
pub fn encode_args_and_rest<T: ArgRefs, R: Rest>(
    codec: Codec,
    names: &[&str],
    values: &T,
    absent: u32,
    rest: &R,
) -> Result<Vec<u8>, EncodeError> {
    codec.encode(&WithRest { named: Named { names, values, absent }, rest })
}

struct Named<'a, T> {
    names: &'a [&'a str],
    values: &'a T,
    absent: u32,
}

impl<T> Named<'_, T> {
    fn len(&self) -> usize {
        self.names.len() - self.absent.count_ones() as usize
    }
}

impl<T: ArgRefs> Serialize for Named<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        self.values.write(self.names, self.absent, &mut map)?;
        map.end()
    }
}

struct WithRest<'a, T, R> {
    named: Named<'a, T>,
    rest: &'a R,
}

impl<T: ArgRefs, R: Rest> Serialize for WithRest<'_, T, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Named { names, values, absent } = self.named;
        let entries = self.rest.entries();
        let mut map = serializer.serialize_map(Some(self.named.len() + entries.len()))?;
        values.write(names, absent, &mut map)?;
        for (name, value) in entries {
            if names.contains(&name) {
                return Err(S::Error::custom(format_args!(
                    "the remaining arguments hold `{name}`, which is an argument of its own"
                )));
            }
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
