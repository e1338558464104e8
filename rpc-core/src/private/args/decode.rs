//! Reading arguments.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor,
};

use super::absent::expectation;
use super::report::{Fault, Report, given_twice, undecodable};
use super::rest::Rest;
use super::tuple::ArgTuple;
use crate::endpoint::EncodedArgs;
use crate::message::Failure;

/// Decodes the arguments of a method by their names, in one pass.
///
/// `names` has as many elements as the tuple. An argument that was left out is `None` where its
/// type is an option.
///
/// # Errors
///
/// [`FailureKind::InvalidArguments`](crate::message::FailureKind::InvalidArguments) names what is
/// missing, unknown, given twice or of a wrong type;
/// [`FailureKind::Malformed`](crate::message::FailureKind::Malformed) where the bytes are no map of
/// names, or exceed the limits.
pub fn decode_args<'a, T: ArgTuple<'a>>(
    args: EncodedArgs<'a>,
    names: &'static [&'static str],
) -> Result<T, Failure> {
    let mut unknown = Unknown::default();
    let mut slots = T::slots();
    read::<T, _>(args, names, &mut slots, &mut unknown)?;
    match T::finish(slots) {
        Ok(arguments) if unknown.count == 0 => Ok(arguments),
        finished => {
            let missing = finished.err().unwrap_or_default();
            Err(Report { names, others: false }.incomplete(&missing, &unknown.first, unknown.count))
        }
    }
}

/// The same for a method that takes all other arguments, too.
///
/// # Errors
///
/// As [`decode_args`], but nothing is unknown.
pub fn decode_args_and_rest<'a, T: ArgTuple<'a>, R: Rest>(
    args: EncodedArgs<'a>,
    names: &'static [&'static str],
) -> Result<(T, R), Failure> {
    let report = Report { names, others: true };
    let mut others = Remaining(Vec::new());
    let mut slots = T::slots();
    read::<T, _>(args, names, &mut slots, &mut others)?;
    let arguments = T::finish(slots).map_err(|missing| report.incomplete(&missing, &[], 0))?;
    match R::gather(others.0) {
        Ok(rest) => Ok((arguments, rest)),
        Err(name) => Err(given_twice(&name)),
    }
}

fn read<'a, T: ArgTuple<'a>, O: Others<'a>>(
    args: EncodedArgs<'a>,
    names: &'static [&'static str],
    slots: &mut T::Slots,
    others: &mut O,
) -> Result<(), Failure> {
    let mut fault = None;
    let reader = Reader { names, slots, others, fault: &mut fault, tuple: PhantomData::<T> };
    let read = args.codec.decode_seed(reader, args.bytes, args.limits);
    read.map_err(|error| undecodable(&error, fault.as_ref()))
}

/// Takes the arguments whose names are none of the method's.
trait Others<'de> {
    /// What each of their values has to be.
    fn expected() -> Option<String>;

    /// Reads the value of the name, which it may take.
    fn take<M: MapAccess<'de>>(&mut self, name: &mut String, map: &mut M) -> Result<(), M::Error>;
}

/// Of a method that takes no others. Only the first names are kept: they go into the message.
#[derive(Default)]
struct Unknown {
    first: Vec<String>,
    count: usize,
}

impl Unknown {
    const KEPT: usize = 8;
}

impl<'de> Others<'de> for Unknown {
    fn expected() -> Option<String> {
        None
    }

    fn take<M: MapAccess<'de>>(&mut self, name: &mut String, map: &mut M) -> Result<(), M::Error> {
        self.count += 1;
        if self.first.len() < Self::KEPT {
            self.first.push(std::mem::take(name));
        }
        map.next_value::<IgnoredAny>().map(drop)
    }
}

/// Of a method that takes all others. They become a map at the end: putting them one by one into
/// a sorted array would be quadratic.
struct Remaining<V>(Vec<(String, V)>);

impl<'de, V: DeserializeOwned> Others<'de> for Remaining<V> {
    fn expected() -> Option<String> {
        expectation::<V>()
    }

    fn take<M: MapAccess<'de>>(&mut self, name: &mut String, map: &mut M) -> Result<(), M::Error> {
        let value = map.next_value()?;
        self.0.push((std::mem::take(name), value));
        Ok(())
    }
}

/// Reads the map. What is wrong with an argument is told by `fault`: the errors of
/// deserializers are text only.
struct Reader<'s, T, S, O> {
    names: &'static [&'static str],
    slots: &'s mut S,
    others: &'s mut O,
    fault: &'s mut Option<Fault>,
    tuple: PhantomData<T>,
}

impl<'de, T: ArgTuple<'de>, O: Others<'de>> DeserializeSeed<'de> for Reader<'_, T, T::Slots, O> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: ArgTuple<'de>, O: Others<'de>> Visitor<'de> for Reader<'_, T, T::Slots, O> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of arguments by name")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let mut seen = 0u32;
        let mut other = String::new();
        while let Some(key) = map.next_key_seed(Names { names: self.names, other: &mut other })? {
            match key {
                Some(index) => {
                    let name = self.names[index];
                    if seen & (1 << index) != 0 {
                        *self.fault = Some(Fault::Twice { name });
                        return Err(M::Error::custom("an argument is given twice"));
                    }
                    seen |= 1 << index;
                    T::read(self.slots, index, &mut map).inspect_err(|_| {
                        let expected = T::expected(index);
                        *self.fault = Some(Fault::Unfit { name: name.into(), expected });
                    })?;
                }
                None => {
                    self.others.take(&mut other, &mut map).inspect_err(|_| {
                        let name = std::mem::take(&mut other).into();
                        let expected = O::expected();
                        *self.fault = Some(Fault::Unfit { name, expected });
                    })?;
                }
            }
        }
        Ok(())
    }
}

/// The names of a method's arguments, which a key is compared with where it stands: JSON
/// gives an escaped key only for a moment, so it can neither be borrowed nor need be copied.
///
/// The value is the index of the argument. A name that is none of them is left in `other`.
struct Names<'s> {
    names: &'static [&'static str],
    other: &'s mut String,
}

impl<'de> DeserializeSeed<'de> for Names<'_> {
    type Value = Option<usize>;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Names<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of an argument")
    }

    #[inline]
    fn visit_str<E: Error>(self, name: &str) -> Result<Option<usize>, E> {
        let index = self.names.iter().position(|known| *known == name);
        if index.is_none() {
            name.clone_into(self.other);
        }
        Ok(index)
    }

    fn visit_bytes<E: Error>(self, name: &[u8]) -> Result<Option<usize>, E> {
        match std::str::from_utf8(name) {
            Ok(name) => self.visit_str(name),
            Err(_) => Err(E::custom("the name of an argument is not UTF-8")),
        }
    }
}
