//! Arguments as a tuple of calls, so that the compiler points at the argument that does not satisfy
//! a bound.

use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::__private::args::{
    Rest, decode_args, decode_args_and_rest, encode_args, encode_args_and_rest,
};
use crate::codec::{Codec, EncodeError};
use crate::endpoint::EncodedArgs;
use crate::message::Failure;

/// Marks the type of an argument.
pub struct Argument<T>(PhantomData<fn() -> T>);

impl<T> fmt::Debug for Argument<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Argument")
    }
}

/// Returns the marker of an argument. The function that decodes it has the bound, so that the
/// compiler points at a single element of a tuple.
#[must_use]
pub const fn argument<T>() -> Argument<T> {
    Argument(PhantomData)
}

/// Marks the type of the argument that takes all others.
pub struct RestArgument<R>(PhantomData<fn() -> R>);

impl<R> fmt::Debug for RestArgument<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RestArgument")
    }
}

/// Returns the marker of the argument that takes all others. The function that decodes it has the
/// bound.
#[must_use]
pub const fn rest<R>() -> RestArgument<R> {
    RestArgument(PhantomData)
}

/// A tuple of [`Argument`]s that decodes into `V`, the tuple of their values.
///
/// `V` is a parameter instead of an associated type. Otherwise the compiler would report a type
/// that cannot be decoded a second time, as unknown.
pub trait DecodeArgs<'de, V> {
    /// Calls [`decode_args`].
    ///
    /// # Errors
    ///
    /// Fails like [`decode_args`].
    fn decode(args: EncodedArgs<'de>, names: &'static [&'static str]) -> Result<V, Failure>;

    /// Calls [`decode_args_and_rest`].
    ///
    /// # Errors
    ///
    /// Fails like [`decode_args_and_rest`].
    fn decode_and_rest<R: Rest>(
        args: EncodedArgs<'de>,
        names: &'static [&'static str],
    ) -> Result<(V, R), Failure>;
}

/// A tuple of references to arguments.
pub trait EncodeArgs {
    /// Calls [`encode_args`].
    ///
    /// # Errors
    ///
    /// Fails like [`encode_args`].
    fn encode(self, codec: Codec, names: &[&str], absent: u32) -> Result<Bytes, EncodeError>;

    /// Calls [`encode_args_and_rest`].
    ///
    /// # Errors
    ///
    /// Fails like [`encode_args_and_rest`].
    fn encode_and_rest<R: Rest>(
        self,
        codec: Codec,
        names: &[&str],
        absent: u32,
        rest: &R,
    ) -> Result<Bytes, EncodeError>;
}

/// Decodes arguments by their markers.
///
/// # Errors
///
/// Fails like [`decode_args`].
pub fn decode_spanned_args<'a, V, A: DecodeArgs<'a, V>>(
    args: EncodedArgs<'a>,
    names: &'static [&'static str],
    _: A,
) -> Result<V, Failure> {
    A::decode(args, names)
}

/// Decodes arguments and the remaining ones by their markers.
///
/// # Errors
///
/// Fails like [`decode_args_and_rest`].
pub fn decode_spanned_args_and_rest<'a, V, A: DecodeArgs<'a, V>, R: Rest>(
    args: EncodedArgs<'a>,
    names: &'static [&'static str],
    _: A,
    _: RestArgument<R>,
) -> Result<(V, R), Failure> {
    A::decode_and_rest(args, names)
}

/// Encodes a tuple of references to arguments.
///
/// The tuple is passed by value. Only then does the compiler point at a single element.
///
/// # Errors
///
/// Fails like [`encode_args`].
pub fn encode_spanned_args<A: EncodeArgs>(
    codec: Codec,
    names: &[&str],
    arguments: A,
    absent: u32,
) -> Result<Bytes, EncodeError> {
    arguments.encode(codec, names, absent)
}

/// Encodes a tuple of references to arguments and the remaining ones.
///
/// # Errors
///
/// Fails like [`encode_args_and_rest`].
pub fn encode_spanned_args_and_rest<A: EncodeArgs, R: Rest>(
    codec: Codec,
    names: &[&str],
    arguments: A,
    absent: u32,
    rest: &R,
) -> Result<Bytes, EncodeError> {
    arguments.encode_and_rest(codec, names, absent, rest)
}

macro_rules! tuples {
    ($($arg:ident)*) => {
        impl<'de, $($arg: Deserialize<'de>),*> DecodeArgs<'de, ($($arg,)*)> for ($(Argument<$arg>,)*) {
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

        impl<$($arg: Serialize),*> EncodeArgs for ($(&$arg,)*) {
            fn encode(
                self,
                codec: Codec,
                names: &[&str],
                absent: u32,
            ) -> Result<Bytes, EncodeError> {
                encode_args(codec, names, &self, absent)
            }

            fn encode_and_rest<R: Rest>(
                self,
                codec: Codec,
                names: &[&str],
                absent: u32,
                rest: &R,
            ) -> Result<Bytes, EncodeError> {
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
