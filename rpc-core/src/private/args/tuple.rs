//! Arguments as a tuple: of slots while they are read, of references while they are written.

use serde::de::{Deserialize, Error, MapAccess};
use serde::ser::{Serialize, SerializeMap};

use super::absent::{absent, expectation};

/// The arguments of a method, in its order. Tuples of up to 16 are.
pub trait ArgTuple<'de>: Sized {
    /// A place for each argument.
    type Slots;

    /// Empty slots.
    fn slots() -> Self::Slots;

    /// Reads the value of the argument at `index` into its slot.
    ///
    /// # Errors
    ///
    /// The value is none of the argument's type.
    fn read<M: MapAccess<'de>>(
        slots: &mut Self::Slots,
        index: usize,
        map: &mut M,
    ) -> Result<(), M::Error>;

    /// What the argument at `index` has to be, in the words of its type, where it has some.
    fn expected(index: usize) -> Option<String>;

    /// The arguments.
    ///
    /// # Errors
    ///
    /// Those that are missing, without being options.
    fn finish(slots: Self::Slots) -> Result<Self, Vec<Missing>>;
}

/// An argument that should be there.
#[derive(Debug)]
pub struct Missing {
    pub(super) index: usize,
    pub(super) expected: String,
}

/// References to the arguments of a method, in its order. Tuples of up to 16 are.
pub trait ArgRefs {
    /// Writes each argument under its name, but for those whose bit is set in `absent`.
    ///
    /// # Errors
    ///
    /// An argument cannot be written.
    fn write<M: SerializeMap>(
        &self,
        names: &[&str],
        absent: u32,
        map: &mut M,
    ) -> Result<(), M::Error>;
}

/// What is in the slot, or what a left-out argument of this type is; else it is missing.
fn settle<'de, T: Deserialize<'de>>(
    slot: Option<T>,
    index: usize,
    missing: &mut Vec<Missing>,
) -> Option<T> {
    if slot.is_some() {
        return slot;
    }
    absent().map_err(|expected| missing.push(Missing { index, expected })).ok()
}

macro_rules! tuples {
    ($($arg:ident $index:tt),*) => {
        impl<'de, $($arg: Deserialize<'de>),*> ArgTuple<'de> for ($($arg,)*) {
            type Slots = ($(Option<$arg>,)*);

            #[allow(clippy::unused_unit, reason = "the slots of no arguments")]
            fn slots() -> Self::Slots {
                ($(None::<$arg>,)*)
            }

            #[allow(unused_variables, reason = "of no use without arguments")]
            #[inline]
            fn read<M: MapAccess<'de>>(
                slots: &mut Self::Slots,
                index: usize,
                map: &mut M,
            ) -> Result<(), M::Error> {
                match index {
                    $($index => slots.$index = Some(map.next_value()?),)*
                    _ => return Err(M::Error::custom("the method has no argument with this index")),
                }
                #[allow(unreachable_code, reason = "reached where there are arguments")]
                Ok(())
            }

            fn expected(index: usize) -> Option<String> {
                match index {
                    $($index => expectation::<$arg>(),)*
                    _ => None,
                }
            }

            #[allow(unused_mut, unused_variables, non_snake_case, reason = "one letter each")]
            #[allow(unreachable_patterns, reason = "nothing of no arguments is missing")]
            #[inline]
            fn finish(slots: Self::Slots) -> Result<Self, Vec<Missing>> {
                let ($($arg,)*) = match slots {
                    // Mostly all are there.
                    ($(Some($arg),)*) => return Ok(($($arg,)*)),
                    slots => slots,
                };
                let mut missing = Vec::new();
                $(let $arg = settle($arg, $index, &mut missing);)*
                let arguments = || Some(($($arg?,)*));
                arguments().ok_or(missing)
            }
        }

        impl<$($arg: Serialize),*> ArgRefs for ($($arg,)*) {
            #[allow(unused_variables, reason = "of no use without arguments")]
            fn write<M: SerializeMap>(
                &self,
                names: &[&str],
                absent: u32,
                map: &mut M,
            ) -> Result<(), M::Error> {
                $(if absent & (1 << $index) == 0 {
                    map.serialize_entry(names[$index], &self.$index)?;
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
