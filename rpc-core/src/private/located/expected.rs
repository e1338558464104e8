//! Entries of `#[expected(…)]`.

use std::error::Error;
use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::__private::{Erred, decode_expected, expected_failure};
use crate::codec::{Codec, DecodeLimits};
use crate::endpoint::ExpectedErrorDescriptor;
use crate::error::RpcError;
use crate::message::Failure;

/// Tells the variant that an entry names from the others.
type Accept<T> = fn(&T) -> bool;

/// What can be done with an expected error, and its type need not show again.
pub struct Expectation<T> {
    descriptor: ExpectedErrorDescriptor,
    fail: fn(Codec, &Erred<'_>, Accept<T>) -> Option<Failure>,
    decode: fn(&Failure, &DecodeLimits) -> Option<T>,
    error: fn(&T) -> &(dyn Error + 'static),
}

impl<T> fmt::Debug for Expectation<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expectation").field("descriptor", &self.descriptor).finish_non_exhaustive()
    }
}

/// What can be done with an entry of `#[expected(…)]`.
#[must_use]
pub const fn expected<T: RpcError + Serialize + DeserializeOwned>() -> Expectation<T> {
    Expectation {
        descriptor: ExpectedErrorDescriptor { class: T::CLASS, module: T::MODULE },
        fail: |codec, erred, accept| erred.find(accept).map(|error| expected_failure(codec, error)),
        decode: decode_expected,
        error: |error| error,
    }
}

impl<T> Expectation<T> {
    /// Its name on the wire.
    #[must_use]
    pub const fn descriptor(&self) -> ExpectedErrorDescriptor {
        self.descriptor
    }

    /// The answer to the caller, where the method's error is or holds one that is accepted.
    #[must_use]
    pub fn find(&self, codec: Codec, erred: &Erred<'_>, accept: Accept<T>) -> Option<Failure> {
        (self.fail)(codec, erred, accept)
    }

    /// The error that the failure carries.
    #[must_use]
    pub fn decode(&self, failure: &Failure, limits: &DecodeLimits) -> Option<T> {
        (self.decode)(failure, limits)
    }

    /// The error as such.
    #[must_use]
    pub fn error<'e>(&self, error: &'e T) -> &'e (dyn Error + 'static) {
        (self.error)(error)
    }
}
