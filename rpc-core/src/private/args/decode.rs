//! Decodes arguments.

use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor,
};

use super::errors::{ArgError, ArgsErrors, duplicate, undecodable};
use super::missing::expected_type;
use super::rest::Rest;
use super::tuple::ArgTuple;
use crate::endpoint::EncodedArgs;
use crate::message::{Failure, FailureKind, Ran};
use crate::panics;

/// Decodes the arguments of a method by their names, in one pass.
///
/// `names` has as many elements as the tuple. A missing argument is `None` if its type is an
/// option.
///
/// # Errors
///
/// Fails with [`FailureKind::InvalidArguments`](crate::message::FailureKind::InvalidArguments) if
/// an argument is missing, unknown, duplicate or of the wrong type. Fails with
/// [`FailureKind::Malformed`](crate::message::FailureKind::Malformed) if the bytes are not a map of
/// names or exceed the limits. A panic of an argument's [`Deserialize`](serde::Deserialize) is a
/// [`FailureKind::Panic`] of a method that did not run.
pub fn decode_args<'a, T: ArgTuple<'a>>(
    args: EncodedArgs<'a>,
    names: &'static [&'static str],
) -> Result<T, Failure> {
    answer_panics(|| decode_known(args, names))
}

/// Decodes arguments. The code of their types is the user's, and may panic.
fn answer_panics<T>(decode: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    // Unwind safe: nothing of what was decoded is left.
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|panic| {
        let message = format!("decoding the arguments: {}", panics::into_message(panic));
        Err(Failure::new(FailureKind::Panic, "Panic", message).with_ran(Ran::No))
    })
}

fn decode_known<'a, T: ArgTuple<'a>>(
    args: EncodedArgs<'a>,
    names: &'static [&'static str],
) -> Result<T, Failure> {
    // As a generated client of the same version sends them. Comparing keys as bytes in the expected order saves 4 % of an
    // in-memory call. The general path decodes everything else, and makes all errors.
    if let Some(mut entries) = args.payload.msgpack_entries(names.len(), args.limits)
        && let Some(arguments) = T::decode_in_order(&mut entries, names)
        && entries.is_at_end()
    {
        return Ok(arguments);
    }
    let mut unknown = RejectUnknown::default();
    let mut partial = T::empty();
    decode::<T, _>(args, names, &mut partial, &mut unknown)?;
    match T::finish(partial) {
        Ok(arguments) if unknown.count == 0 => Ok(arguments),
        finished => {
            let missing = finished.err().unwrap_or_default();
            Err(ArgsErrors { names, takes_rest: false }.incomplete(
                &missing,
                &unknown.first,
                unknown.count,
            ))
        }
    }
}

/// Decodes arguments like [`decode_args`], for a method that takes all remaining arguments.
///
/// # Errors
///
/// Fails like [`decode_args`], except that no argument is unknown.
pub fn decode_args_and_rest<'a, T: ArgTuple<'a>, R: Rest>(
    args: EncodedArgs<'a>,
    names: &'static [&'static str],
) -> Result<(T, R), Failure> {
    answer_panics(|| decode_all(args, names))
}

fn decode_all<'a, T: ArgTuple<'a>, R: Rest>(
    args: EncodedArgs<'a>,
    names: &'static [&'static str],
) -> Result<(T, R), Failure> {
    let errors = ArgsErrors { names, takes_rest: true };
    let mut others = CollectUnknown(Vec::new());
    let mut partial = T::empty();
    decode::<T, _>(args, names, &mut partial, &mut others)?;
    let arguments = T::finish(partial).map_err(|missing| errors.incomplete(&missing, &[], 0))?;
    match R::collect(others.0) {
        Ok(rest) => Ok((arguments, rest)),
        Err(name) => Err(duplicate(&name)),
    }
}

fn decode<'a, T: ArgTuple<'a>, U: UnknownArgs<'a>>(
    args: EncodedArgs<'a>,
    names: &'static [&'static str],
    partial: &mut T::Partial,
    others: &mut U,
) -> Result<(), Failure> {
    let mut arg_error = None;
    let visitor =
        ArgsVisitor { names, partial, others, error: &mut arg_error, tuple: PhantomData::<T> };
    let decoded = args.payload.decode_seed(visitor, args.limits);
    decoded.map_err(|error| undecodable(&error, arg_error.as_ref()))
}

/// Handles the arguments that the method does not name.
trait UnknownArgs<'de> {
    /// Returns what the type of their values expects, if it says so.
    fn expected_type() -> Option<String>;

    /// Decodes the value of `name`. May take the name out.
    fn decode<M: MapAccess<'de>>(&mut self, name: &mut String, map: &mut M)
    -> Result<(), M::Error>;
}

/// Rejects unknown arguments. Keeps the first names for the error message.
#[derive(Default)]
struct RejectUnknown {
    first: Vec<String>,
    count: usize,
}

impl RejectUnknown {
    const MAX_NAMES: usize = 8;
}

impl<'de> UnknownArgs<'de> for RejectUnknown {
    fn expected_type() -> Option<String> {
        None
    }

    fn decode<M: MapAccess<'de>>(
        &mut self,
        name: &mut String,
        map: &mut M,
    ) -> Result<(), M::Error> {
        self.count += 1;
        if self.first.len() < Self::MAX_NAMES {
            self.first.push(std::mem::take(name));
        }
        map.next_value::<IgnoredAny>().map(drop)
    }
}

/// Collects unknown arguments. They become a map at the end, because inserting them one by one into
/// a sorted array would take quadratic time.
struct CollectUnknown<V>(Vec<(String, V)>);

impl<'de, V: DeserializeOwned> UnknownArgs<'de> for CollectUnknown<V> {
    fn expected_type() -> Option<String> {
        expected_type::<V>()
    }

    fn decode<M: MapAccess<'de>>(
        &mut self,
        name: &mut String,
        map: &mut M,
    ) -> Result<(), M::Error> {
        let value = map.next_value()?;
        self.0.push((std::mem::take(name), value));
        Ok(())
    }
}

/// Decodes the map. An error in an argument is stored in `error`, because the errors of
/// deserializers contain only text.
struct ArgsVisitor<'s, T, P, U> {
    names: &'static [&'static str],
    partial: &'s mut P,
    others: &'s mut U,
    error: &'s mut Option<ArgError>,
    tuple: PhantomData<T>,
}

impl<'de, T: ArgTuple<'de>, U: UnknownArgs<'de>> DeserializeSeed<'de>
    for ArgsVisitor<'_, T, T::Partial, U>
{
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: ArgTuple<'de>, U: UnknownArgs<'de>> Visitor<'de>
    for ArgsVisitor<'_, T, T::Partial, U>
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of arguments by name")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let mut seen = 0u32;
        let mut other = String::new();
        while let Some(key) =
            map.next_key_seed(NameSeed { names: self.names, other: &mut other })?
        {
            match key {
                Some(index) => {
                    let name = self.names[index];
                    if seen & (1 << index) != 0 {
                        *self.error = Some(ArgError::Duplicate { name });
                        return Err(M::Error::custom("duplicate argument"));
                    }
                    seen |= 1 << index;
                    T::decode_arg(self.partial, index, &mut map).inspect_err(|_| {
                        let expected = T::expected_type(index);
                        *self.error = Some(ArgError::WrongType { name: name.into(), expected });
                    })?;
                }
                None => {
                    self.others.decode(&mut other, &mut map).inspect_err(|_| {
                        let name = std::mem::take(&mut other).into();
                        let expected = U::expected_type();
                        *self.error = Some(ArgError::WrongType { name, expected });
                    })?;
                }
            }
        }
        Ok(())
    }
}

/// Decodes a key into the index of the argument with that name. An unknown name is stored in
/// `other`.
///
/// The key is compared within the visitor, without a copy. It cannot be borrowed, because
/// `serde_json` lends an escaped key only for the duration of the visit.
struct NameSeed<'s> {
    names: &'static [&'static str],
    other: &'s mut String,
}

impl<'de> DeserializeSeed<'de> for NameSeed<'_> {
    type Value = Option<usize>;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for NameSeed<'_> {
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
