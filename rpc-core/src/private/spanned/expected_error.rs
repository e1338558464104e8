//! The entries of `#[expected(…)]`.

use std::error::Error;
use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::__private::errors::{MethodError, decode_expected, expected_failure};
use crate::codec::{Codec, DecodeLimits};
use crate::endpoint::ExpectedErrorDescriptor;
use crate::error::RpcError;
use crate::message::Failure;

/// Returns whether an error is the variant that an entry names.
type IsVariant<T> = fn(&T) -> bool;

/// The operations on an expected error, without further bounds on its type.
pub struct ExpectedError<T> {
    descriptor: ExpectedErrorDescriptor,
    fail: fn(Codec, &MethodError<'_>, IsVariant<T>) -> Option<Failure>,
    decode: fn(&Failure, &DecodeLimits) -> Option<T>,
    error: fn(&T) -> &(dyn Error + 'static),
}

impl<T> fmt::Debug for ExpectedError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExpectedError")
            .field("descriptor", &self.descriptor)
            .finish_non_exhaustive()
    }
}

/// Returns the operations on an entry of `#[expected(…)]`.
#[must_use]
pub const fn expected_error<T: RpcError + Serialize + DeserializeOwned>() -> ExpectedError<T> {
    ExpectedError {
        descriptor: ExpectedErrorDescriptor { class: T::CLASS, module: T::MODULE },
        fail: |codec, method_error, is_variant| {
            method_error.find(is_variant).map(|error| expected_failure(codec, error))
        },
        decode: decode_expected,
        error: |error| error,
    }
}

impl<T> ExpectedError<T> {
    /// Returns the descriptor of the error.
    #[must_use]
    pub const fn descriptor(&self) -> ExpectedErrorDescriptor {
        self.descriptor
    }

    /// Returns the failure for the caller if the method's error is or contains this expected error.
    #[must_use]
    pub fn find(
        &self,
        codec: Codec,
        method_error: &MethodError<'_>,
        is_variant: IsVariant<T>,
    ) -> Option<Failure> {
        (self.fail)(codec, method_error, is_variant)
    }

    /// Decodes the error from a failure.
    #[must_use]
    pub fn decode(&self, failure: &Failure, limits: &DecodeLimits) -> Option<T> {
        (self.decode)(failure, limits)
    }

    /// Returns the error as a trait object.
    #[must_use]
    pub fn error<'e>(&self, error: &'e T) -> &'e (dyn Error + 'static) {
        (self.error)(error)
    }
}
