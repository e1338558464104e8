//! The arguments of a method as a tuple.

use serde::de::{Deserialize, Error, MapAccess};
use serde::ser::Serialize;

use super::missing::{expected_type, value_if_missing};
use crate::codec::strict::within;
use crate::codec::{EncodeEntries, MessagePackDeserializer};

/// A tuple of the arguments of a method, in declaration order. Implemented for up to 16 arguments.
pub trait ArgTuple<'de>: Sized {
    /// A tuple of options: the arguments that were decoded so far.
    type Partial;

    /// Returns a tuple in which every argument is `None`.
    fn empty() -> Self::Partial;

    /// Decodes the value of the argument at `index`.
    ///
    /// # Errors
    ///
    /// Fails if the value does not have the argument's type.
    fn decode_arg<M: MapAccess<'de>>(
        partial: &mut Self::Partial,
        index: usize,
        map: &mut M,
    ) -> Result<(), M::Error>;

    /// Decodes the arguments if all of them follow in the order of `names`, as a generated client
    /// writes them. Otherwise returns `None`, also for errors.
    fn decode_in_order(from: &mut MessagePackDeserializer<'de>, names: &[&str]) -> Option<Self>;

    /// Returns what the type of the argument at `index` expects, if it says so.
    fn expected_type(index: usize) -> Option<String>;

    /// Returns the arguments.
    ///
    /// # Errors
    ///
    /// Fails with the arguments that are missing and are not options.
    fn finish(partial: Self::Partial) -> Result<Self, Vec<MissingArg>>;
}

/// A missing argument.
#[derive(Debug)]
pub struct MissingArg {
    pub(super) index: usize,
    pub(super) expected: String,
}

/// A tuple of references to the arguments of a method, in declaration order. Implemented for up to
/// 16 arguments.
pub trait ArgRefs {
    /// Encodes each argument under its name, except those whose bit is set in `absent`.
    ///
    /// # Errors
    ///
    /// Fails if an argument cannot be encoded.
    fn encode<Map: EncodeEntries>(
        &self,
        names: &[&str],
        absent: u32,
        entries: &mut Map,
    ) -> Result<(), Map::Error>;
}

/// Returns the decoded value, or else the value of a missing option. Otherwise the argument is
/// added to `missing`.
fn or_missing<'de, T: Deserialize<'de>>(
    decoded: Option<T>,
    index: usize,
    missing: &mut Vec<MissingArg>,
) -> Option<T> {
    if decoded.is_some() {
        return decoded;
    }
    value_if_missing().map_err(|expected| missing.push(MissingArg { index, expected })).ok()
}

macro_rules! tuples {
    ($($arg:ident $index:tt),*) => {
        impl<'de, $($arg: Deserialize<'de>),*> ArgTuple<'de> for ($($arg,)*) {
            type Partial = ($(Option<$arg>,)*);

            #[allow(clippy::unused_unit, reason = "a method may have no arguments")]
            fn empty() -> Self::Partial {
                ($(None::<$arg>,)*)
            }

            #[allow(unused_variables, reason = "unused without arguments")]
            #[inline]
            fn decode_arg<M: MapAccess<'de>>(
                partial: &mut Self::Partial,
                index: usize,
                map: &mut M,
            ) -> Result<(), M::Error> {
                match index {
                    $($index => partial.$index = Some(map.next_value()?),)*
                    _ => return Err(M::Error::custom("the method has no argument with this index")),
                }
                #[allow(unreachable_code, reason = "reached if there are arguments")]
                Ok(())
            }

            #[allow(unused_variables, reason = "unused without arguments")]
            #[inline]
            fn decode_in_order(
                from: &mut MessagePackDeserializer<'de>,
                names: &[&str],
            ) -> Option<Self> {
                Some(($({
                    from.take_key(names[$index])?;
                    $arg::deserialize(&mut *from).ok()?
                },)*))
            }

            fn expected_type(index: usize) -> Option<String> {
                match index {
                    $($index => expected_type::<$arg>(),)*
                    _ => None,
                }
            }

            #[allow(unused_mut, unused_variables, non_snake_case, reason = "one letter each")]
            #[allow(unreachable_patterns, reason = "without arguments none can be missing")]
            #[inline]
            fn finish(partial: Self::Partial) -> Result<Self, Vec<MissingArg>> {
                let ($($arg,)*) = match partial {
                    // The usual case: all arguments are present.
                    ($(Some($arg),)*) => return Ok(($($arg,)*)),
                    partial => partial,
                };
                let mut missing = Vec::new();
                $(let $arg = or_missing($arg, $index, &mut missing);)*
                let arguments = || Some(($($arg?,)*));
                arguments().ok_or(missing)
            }
        }

        impl<$($arg: Serialize),*> ArgRefs for ($($arg,)*) {
            #[allow(unused_variables, reason = "unused without arguments")]
            #[inline]
            fn encode<Map: EncodeEntries>(
                &self,
                names: &[&str],
                absent: u32,
                entries: &mut Map,
            ) -> Result<(), Map::Error> {
                $(if absent & (1 << $index) == 0 {
                    entries.encode(names[$index], &self.$index)
                        .map_err(|error| within("argument ", names[$index], error))?;
                })*
                Ok(())
            }
        }
    };
}

tuples!();
tuples!(A 0);
tuples!(A 0, B 1);
tuples!(A 0, B 1, C 2);
tuples!(A 0, B 1, C 2, D 3);
tuples!(A 0, B 1, C 2, D 3, E 4);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, N 12);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, N 12, O 13);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, N 12, O 13, P 14);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, N 12, O 13, P 14, Q 15);
