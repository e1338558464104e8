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
///
/// ```compile_fail,E0277
/// use rpc_core::__private::{PlainFallback as _, Probe};
///
/// type Outcome = Result<u8, std::fmt::Error>;
/// Probe::of(&Outcome::Ok(1)).assert_plain();
/// ```
#[diagnostic::on_unimplemented(
    message = "this method returns a `Result` behind another name",
    label = "`{Self}` would be sent as a plain value",
    note = "write `Result<…>` as the return type, or give the alias the name `Result`"
)]
pub trait PlainValue {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt;

    use super::*;
    use crate::codec::Limits;

    #[test]
    fn a_result_is_encoded_in_the_codec_of_the_request() {
        for codec in [Codec::MessagePack, Codec::Json] {
            let payload = encode_result(codec, &("a", 1)).unwrap();
            assert_eq!(payload.codec(), codec);
            let decoded: (String, u8) = codec.decode(payload.bytes(), &Limits::new()).unwrap();
            assert_eq!(decoded, ("a".to_owned(), 1));
        }
    }

    #[test]
    fn a_result_that_cannot_be_encoded_is_a_failure_after_the_method_ran() {
        let unencodable = BTreeMap::from([(vec![1], 2)]);
        let failure = encode_result(Codec::Json, &unencodable).unwrap_err();
        assert_eq!(failure.kind(), FailureKind::UnencodableResult);
        assert!(failure.message().contains("as json: "), "{failure}");
    }

    #[test]
    fn an_alias_named_result_is_taken_apart() {
        fn ok<R: Fallible>(returned: R) -> Option<R::Ok> {
            returned.into_result().ok()
        }
        type Result<T> = std::result::Result<T, fmt::Error>;
        assert_eq!(ok(Result::Ok(1)), Some(1));
        assert_eq!(ok(anyhow::Result::<u8>::Err(anyhow::anyhow!("no"))), None);
    }

    #[test]
    fn plain_values_pass_the_probe_in_generic_code_too() {
        fn check<T: Clone>(returned: &T) {
            Probe::of(returned).assert_plain();
        }
        check(&1);
        Probe::of(&Some(Ok::<u8, u8>(1))).assert_plain();
        Probe::of(&()).assert_plain();
    }
}
