//! What methods return.

use std::marker::PhantomData;

use serde::Serialize;

use crate::codec::{Codec, Payload};
use crate::message::{Failure, FailureKind, Outcome};

/// Encodes the result of a method that succeeded.
///
/// # Errors
///
/// [`FailureKind::UnencodableResult`]: the method ran, its result cannot be sent.
pub fn encode_result<T: Serialize>(codec: Codec, value: &T) -> Outcome {
    match codec.encode(value) {
        Ok(bytes) => Ok(Payload::new(codec, bytes)),
        Err(error) => Err(Failure::new(
            FailureKind::UnencodableResult,
            "UnencodableResult",
            format!(
                "the method succeeded, but its result cannot be sent as {}: {error}",
                codec.name()
            ),
        )),
    }
}

/// A return type whose last segment is `Result`, whatever alias it stands for.
pub trait Fallible {
    /// What the method returns on success.
    type Ok;
    /// What it fails with.
    type Err;

    /// Takes it apart.
    ///
    /// # Errors
    ///
    /// The method's own.
    fn into_result(self) -> Result<Self::Ok, Self::Err>;
}

impl<T, E> Fallible for Result<T, E> {
    type Ok = T;
    type Err = E;

    fn into_result(self) -> Self {
        self
    }
}

/// Refuses a `Result` behind another name: `Probe::of(&returned).assert_plain()`.
///
/// For a `Result` the inherent method is found first, whose bound nothing satisfies; for anything
/// else [`PlainFallback`]'s, which asks for nothing.
#[derive(Debug)]
pub struct Probe<T>(PhantomData<fn() -> T>);

impl<T> Probe<T> {
    /// A probe of the returned value's type.
    pub const fn of(_: &T) -> Self {
        Self(PhantomData)
    }
}

impl<T, E> Probe<Result<T, E>> {
    /// Never compiles.
    pub const fn assert_plain(&self)
    where
        Result<T, E>: PlainValue,
    {
    }
}

/// See [`Probe`].
pub trait PlainFallback {
    /// Does nothing.
    fn assert_plain(&self) {}
}

impl<T> PlainFallback for Probe<T> {}

/// Implemented by nothing.
#[diagnostic::on_unimplemented(
    message = "this method returns a `Result` behind another name",
    label = "`{Self}` would be sent as a plain value",
    note = "write `Result<…>` as the return type, or give the alias the name `Result`"
)]
pub trait PlainValue {}
