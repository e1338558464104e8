//! Errors of methods: is one of the expected ones in there, and what does the caller learn?
//!
//! An expected error is looked for in the returned error, in the errors it holds where it derives
//! [`RpcError`], and in the chain of [`Error::source`] of each of these.

mod probe;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::ops::ControlFlow;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::probe::{ErrorPointer, ErrorProbe, MethodError, Pointer, via};
use crate::codec::{Codec, DecodeLimits, Payload};
use crate::error::RpcError;
use crate::message::{Failure, FailureKind};

/// How many links of a chain of causes are followed: an error that is its own source ends here.
const LONGEST_CHAIN: usize = 128;

/// A `dyn Error` that can be asked for its type.
type AnyError = dyn Error + 'static;

/// What sees the errors of [`Erred::visit`].
type Visitor<'v, 'a> = &'v mut dyn FnMut(&'a AnyError) -> ControlFlow<()>;

/// The error of a method, of whatever type: made by an [`ErrorProbe`].
#[derive(Debug, Copy, Clone)]
pub struct Erred<'a> {
    error: &'a AnyError,
    class: &'static str,
    module: Option<&'static str>,
    held: fn(&'a AnyError, Visitor<'_, 'a>) -> ControlFlow<()>,
}

impl<'a> Erred<'a> {
    fn unnamed(error: &'a AnyError) -> Self {
        Self { error, class: "Error", module: None, held: |_, _| ControlFlow::Continue(()) }
    }

    fn named<E: RpcError>(error: &'a E) -> Self {
        let held = |error: &'a AnyError, visit: Visitor<'_, 'a>| match error.downcast_ref::<E>() {
            Some(error) => error.visit_held(visit),
            None => ControlFlow::Continue(()),
        };
        Self { error, class: E::CLASS, module: E::MODULE, held }
    }

    /// Shows the error itself and what it holds.
    ///
    /// A derived [`RpcError::visit_held`] calls this for each of its fields, so that what is held
    /// by something held is seen as well.
    pub fn visit(
        self,
        visit: &mut dyn FnMut(&'a (dyn Error + 'static)) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        visit(self.error)?;
        (self.held)(self.error, visit)
    }

    /// The first error of type `T` that is accepted.
    ///
    /// Not found is what hides its type: an error that was made the context of an `anyhow::Error`,
    /// one behind a transparent variant of a type that is no [`RpcError`], or of one that is, but
    /// sits in a `dyn Error` itself.
    pub fn find<T: Error + 'static>(self, accept: impl Fn(&T) -> bool) -> Option<&'a T> {
        let mut found = None;
        let _ = self.visit(&mut |error| {
            found = chain(error).filter_map(|link| link.downcast_ref::<T>()).find(|e| accept(e));
            if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        found
    }

    /// The failure for an error that is none of the expected ones, with all it says about itself.
    /// The server decides what of it leaves the process.
    #[must_use]
    pub fn unexpected(self) -> Failure {
        Failure::new(FailureKind::Error, self.class, self.error.to_string())
            .with_module(self.module)
            .with_causes(chain(self.error).skip(1).map(ToString::to_string).collect())
    }
}

/// The error and its causes, outermost first.
fn chain(error: &AnyError) -> impl Iterator<Item = &AnyError> {
    std::iter::successors(Some(error), |&error| error.source()).take(LONGEST_CHAIN)
}

/// The failure that carries an expected error to the caller.
#[must_use]
pub fn expected_failure<T: RpcError + Serialize>(codec: Codec, error: &T) -> Failure {
    match codec.encode(error) {
        Ok(bytes) => Failure::new(FailureKind::Expected, T::CLASS, error.to_string())
            .with_module(T::MODULE)
            .with_details(Payload::new(codec, bytes)),
        Err(unencodable) => Failure::new(
            FailureKind::UnencodableResult,
            "UnencodableResult",
            format!(
                "the method failed with the expected error `{}` ({error}), which cannot be sent as {}: {unencodable}",
                T::CLASS,
                codec.name(),
            ),
        ),
    }
}

/// The expected error that the failure carries, where it is a `T`: it has the class, the module
/// (where `T` claims one, since not every peer knows of modules), and a value that fits.
#[must_use]
pub fn decode_expected<T: RpcError + DeserializeOwned>(
    failure: &Failure,
    limits: &DecodeLimits,
) -> Option<T> {
    if failure.class() != T::CLASS {
        return None;
    }
    if T::MODULE.is_some_and(|module| failure.module() != Some(module)) {
        return None;
    }
    let details = failure.details()?;
    details.codec().decode(details.bytes(), limits).ok()
}
