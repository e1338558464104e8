//! Successful results of methods.

use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::Codec;
use crate::message::{Outcome, encode_result};

/// Encodes results of type `T`.
pub struct ResultEncoder<T>(fn(Codec, &T) -> Outcome);

impl<T> fmt::Debug for ResultEncoder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResultEncoder")
    }
}

/// Returns the encoder for a method that returns `T`, or a `Result` with `T`.
#[must_use]
pub const fn result_encoder<T: Serialize + DeserializeOwned>() -> ResultEncoder<T> {
    ResultEncoder(encode_result)
}

impl<T> ResultEncoder<T> {
    /// Calls [`encode_result`].
    ///
    /// # Errors
    ///
    /// Fails like [`encode_result`].
    pub fn encode(&self, codec: Codec, value: &T) -> Outcome {
        (self.0)(codec, value)
    }
}

/// Distinguishes plain values from a `Result` behind an alias:
/// `return_probe::<T>().result_encoder()`.
///
/// For a `Result`, the compiler finds the inherent method first, whose bound nothing satisfies. For
/// all other types, it finds the method of [`ViaPlainValue`].
pub struct ReturnProbe<T>(PhantomData<fn() -> T>);

impl<T> fmt::Debug for ReturnProbe<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReturnProbe")
    }
}

/// Creates a probe for the type.
#[must_use]
pub const fn return_probe<T>() -> ReturnProbe<T> {
    ReturnProbe(PhantomData)
}

impl<T, E> ReturnProbe<Result<T, E>> {
    /// Fails to compile with the advice of [`PlainValue`].
    pub const fn result_encoder(&self) -> AliasedResult
    where
        Result<T, E>: PlainValue,
    {
        AliasedResult
    }
}

/// The method for plain values; see [`ReturnProbe`].
pub trait ViaPlainValue<T> {
    /// Returns the encoder for `T`.
    fn result_encoder(&self) -> ResultEncoder<T>
    where
        T: Serialize + DeserializeOwned,
    {
        result_encoder()
    }
}

impl<T> ViaPlainValue<T> for ReturnProbe<T> {}

/// Type-checks in place of a [`ResultEncoder`], so that an aliased `Result` is not also reported as
/// not serializable.
#[derive(Debug)]
pub struct AliasedResult;

impl AliasedResult {
    /// Is never called.
    ///
    /// # Errors
    ///
    /// Never fails.
    pub fn encode<T>(&self, codec: Codec, _: &T) -> Outcome {
        encode_result(codec, &())
    }
}

/// A trait without implementations, for the diagnostic.
///
/// ```compile_fail,E0277
/// use rpc_core::__private::{ViaPlainValue as _, return_probe};
///
/// type Outcome = Result<u8, std::fmt::Error>;
/// return_probe::<Outcome>().result_encoder();
/// ```
#[diagnostic::on_unimplemented(
    message = "this method returns a `Result` behind an alias",
    label = "`{Self}` would be encoded as a plain value",
    note = "write `Result<…>` as the return type, or name the alias `Result`"
)]
pub trait PlainValue {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Codec, DecodeLimits};

    #[test]
    fn plain_values_pass_the_probe_in_generic_code_too() {
        fn encode<T: Serialize + DeserializeOwned>(value: &T) -> Outcome {
            return_probe::<T>().result_encoder().encode(Codec::Json, value)
        }
        assert_eq!(encode(&1).unwrap().bytes(), &b"1"[..]);
        let outcome =
            return_probe::<Option<u8>>().result_encoder().encode(Codec::Json, &Some(2)).unwrap();
        let decoded: u8 = outcome.codec().decode(outcome.bytes(), &DecodeLimits::new()).unwrap();
        assert_eq!(decoded, 2);
    }
}
