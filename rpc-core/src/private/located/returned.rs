//! What methods return on success.

use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::__private::encode_result;
use crate::codec::Codec;
use crate::message::Outcome;

/// Encodes what the server writes and the client reads.
pub struct Returned<T>(fn(Codec, &T) -> Outcome);

impl<T> fmt::Debug for Returned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Returned")
    }
}

/// What a method returns on success, taken out of its `Result`.
#[must_use]
pub const fn returned<T: Serialize + DeserializeOwned>() -> Returned<T> {
    Returned(encode_result)
}

impl<T> Returned<T> {
    /// See [`encode_result`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn encode(&self, codec: Codec, value: &T) -> Outcome {
        (self.0)(codec, value)
    }
}

/// Tells plain values from a `Result` behind another name: `probe::<T>().returned()`.
///
/// For a `Result` the inherent method is found first, whose bound nothing satisfies; for anything
/// else [`PlainFallback`]'s.
pub struct Probe<T>(PhantomData<fn() -> T>);

impl<T> fmt::Debug for Probe<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Probe")
    }
}

/// A probe of the type.
#[must_use]
pub const fn probe<T>() -> Probe<T> {
    Probe(PhantomData)
}

impl<T, E> Probe<Result<T, E>> {
    /// Never compiles.
    pub const fn returned(&self) -> Refused
    where
        Result<T, E>: PlainValue,
    {
        Refused
    }
}

/// See [`Probe`].
pub trait PlainFallback<T> {
    /// As [`returned`].
    fn returned(&self) -> Returned<T>
    where
        T: Serialize + DeserializeOwned,
    {
        returned()
    }
}

impl<T> PlainFallback<T> for Probe<T> {}

/// Takes part in nothing but compiling, so that a hidden `Result` is not also reported as one that cannot be sent.
#[derive(Debug)]
pub struct Refused;

impl Refused {
    /// Never runs.
    ///
    /// # Errors
    ///
    /// None.
    pub fn encode<T>(&self, codec: Codec, _: &T) -> Outcome {
        encode_result(codec, &())
    }
}

/// Implemented by nothing.
///
/// ```compile_fail,E0277
/// use rpc_core::__private::{PlainFallback as _, probe};
///
/// type Outcome = Result<u8, std::fmt::Error>;
/// probe::<Outcome>().returned();
/// ```
#[diagnostic::on_unimplemented(
    message = "this method returns a `Result` behind another name",
    label = "`{Self}` would be sent as a plain value",
    note = "write `Result<…>` as the return type, or give the alias the name `Result`"
)]
pub trait PlainValue {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Codec, DecodeLimits};

    #[test]
    fn plain_values_pass_the_probe_in_generic_code_too() {
        fn encode<T: Serialize + DeserializeOwned>(value: &T) -> Outcome {
            probe::<T>().returned().encode(Codec::Json, value)
        }
        assert_eq!(encode(&1).unwrap().bytes(), b"1");
        let outcome = probe::<Option<u8>>().returned().encode(Codec::Json, &Some(2)).unwrap();
        let decoded: u8 = outcome.codec().decode(outcome.bytes(), &DecodeLimits::new()).unwrap();
        assert_eq!(decoded, 2);
    }
}
