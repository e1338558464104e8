//! Arguments: a tuple of calls, one for each argument, in which the compiler points at the one that does not fit.

use std::fmt;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use crate::__private::{
    Rest, decode_args, decode_args_and_rest, encode_args, encode_args_and_rest,
};
use crate::codec::{Codec, EncodeError};
use crate::endpoint::EncodedArgs;
use crate::message::Failure;

/// Stands for an argument of this type.
pub struct Argument<T>(PhantomData<fn() -> T>);

impl<T> fmt::Debug for Argument<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Argument")
    }
}

/// Stands for an argument of this type. What reads it has the bound, so that a tuple of these is blamed by element.
#[must_use]
pub const fn argument<T>() -> Argument<T> {
    Argument(PhantomData)
}

/// Stands for the argument that takes all others.
pub struct RestArgument<R>(PhantomData<fn() -> R>);

impl<R> fmt::Debug for RestArgument<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RestArgument")
    }
}

/// Stands for the argument that takes all others. What reads it has the bound.
#[must_use]
pub const fn rest<R>() -> RestArgument<R> {
    RestArgument(PhantomData)
}

/// A tuple of [`Argument`]s, and `V`, the tuple of their values.
///
/// `V` is a parameter and no associated type: what cannot be decoded would be reported again as a type not known.
pub trait Received<'de, V> {
    /// See [`decode_args`].
    ///
    /// # Errors
    ///
    /// As there.
    fn decode(args: EncodedArgs<'de>, names: &'static [&'static str]) -> Result<V, Failure>;

    /// See [`decode_args_and_rest`].
    ///
    /// # Errors
    ///
    /// As there.
    fn decode_and_rest<R: Rest>(
        args: EncodedArgs<'de>,
        names: &'static [&'static str],
    ) -> Result<(V, R), Failure>;
}

/// A tuple of references to arguments.
pub trait Sent {
    /// See [`encode_args`].
    ///
    /// # Errors
    ///
    /// As there.
    fn encode(self, codec: Codec, names: &[&str], absent: u32) -> Result<Vec<u8>, EncodeError>;

    /// See [`encode_args_and_rest`].
    ///
    /// # Errors
    ///
    /// As there.
    fn encode_and_rest<R: Rest>(
        self,
        codec: Codec,
        names: &[&str],
        absent: u32,
        rest: &R,
    ) -> Result<Vec<u8>, EncodeError>;
}

/// [`decode_args`] by what stands for the arguments.
///
/// # Errors
///
/// As there.
pub fn receive_args<'a, V, A: Received<'a, V>>(
    args: EncodedArgs<'a>,
    names: &'static [&'static str],
    _: A,
) -> Result<V, Failure> {
    A::decode(args, names)
}

/// [`decode_args_and_rest`] by what stands for the arguments.
///
/// # Errors
///
/// As there.
pub fn receive_args_and_rest<'a, V, A: Received<'a, V>, R: Rest>(
    args: EncodedArgs<'a>,
    names: &'static [&'static str],
    _: A,
    _: RestArgument<R>,
) -> Result<(V, R), Failure> {
    A::decode_and_rest(args, names)
}

/// [`encode_args`] of references, by value: only then is a tuple blamed by element.
///
/// # Errors
///
/// As there.
pub fn send_args<A: Sent>(
    codec: Codec,
    names: &[&str],
    arguments: A,
    absent: u32,
) -> Result<Vec<u8>, EncodeError> {
    arguments.encode(codec, names, absent)
}

/// [`encode_args_and_rest`] of references.
///
/// # Errors
///
/// As there.
pub fn send_args_and_rest<A: Sent, R: Rest>(
    codec: Codec,
    names: &[&str],
    arguments: A,
    absent: u32,
    rest: &R,
) -> Result<Vec<u8>, EncodeError> {
    arguments.encode_and_rest(codec, names, absent, rest)
}

macro_rules! tuples {
    ($($arg:ident)*) => {
        impl<'de, $($arg: Deserialize<'de>),*> Received<'de, ($($arg,)*)> for ($(Argument<$arg>,)*) {
            fn decode(
                args: EncodedArgs<'de>,
                names: &'static [&'static str],
            ) -> Result<($($arg,)*), Failure> {
                decode_args(args, names)
            }

            fn decode_and_rest<R: Rest>(
                args: EncodedArgs<'de>,
                names: &'static [&'static str],
            ) -> Result<(($($arg,)*), R), Failure> {
                decode_args_and_rest(args, names)
            }
        }

        impl<$($arg: Serialize),*> Sent for ($(&$arg,)*) {
            fn encode(
                self,
                codec: Codec,
                names: &[&str],
                absent: u32,
            ) -> Result<Vec<u8>, EncodeError> {
                encode_args(codec, names, &self, absent)
            }

            fn encode_and_rest<R: Rest>(
                self,
                codec: Codec,
                names: &[&str],
                absent: u32,
                rest: &R,
            ) -> Result<Vec<u8>, EncodeError> {
                encode_args_and_rest(codec, names, &self, absent, rest)
            }
        }
    };
}

tuples!();
tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);
tuples!(A B C D E F G H I);
tuples!(A B C D E F G H I J);
tuples!(A B C D E F G H I J K);
tuples!(A B C D E F G H I J K L);
tuples!(A B C D E F G H I J K L M);
tuples!(A B C D E F G H I J K L M N);
tuples!(A B C D E F G H I J K L M N O);
tuples!(A B C D E F G H I J K L M N O P);
