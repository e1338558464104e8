//! Errors of methods, and the failures that callers receive for them.
//!
//! An expected error is searched in the returned error, in its `#[from]` and `#[source]` fields if
//! it derives [`RpcError`], and in the chain of [`Error::source`] of each of these.

mod probe;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::ops::ControlFlow;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::probe::{ErrorLike, ErrorPointer, ErrorProbe, Pointer, via};
use crate::codec::{Codec, DecodeLimits, Payload};
use crate::error::RpcError;
use crate::message::{Failure, FailureKind};

/// The maximum number of errors in a chain of sources. An error that is its own source ends here.
const MAX_CHAIN: usize = 128;

/// A `dyn Error` that can be downcast.
type AnyError = dyn Error + 'static;

/// The callback of [`MethodError::visit`].
type Visitor<'v, 'a> = &'v mut dyn FnMut(&'a AnyError) -> ControlFlow<()>;

/// The error of a method, of any type. An [`ErrorProbe`] creates it.
#[derive(Debug, Copy, Clone)]
pub struct MethodError<'a> {
    error: &'a AnyError,
    class: &'static str,
    module: Option<&'static str>,
    visit_sources: fn(&'a AnyError, Visitor<'_, 'a>) -> ControlFlow<()>,
}

impl<'a> MethodError<'a> {
    fn unnamed(error: &'a AnyError) -> Self {
        Self {
            error,
            class: "Error",
            module: None,
            visit_sources: |_, _| ControlFlow::Continue(()),
        }
    }

    fn named<E: RpcError>(error: &'a E) -> Self {
        let visit_sources =
            |error: &'a AnyError, visit: Visitor<'_, 'a>| match error.downcast_ref::<E>() {
                Some(error) => error.visit_sources(visit),
                None => ControlFlow::Continue(()),
            };
        Self { error, class: E::CLASS, module: E::MODULE, visit_sources }
    }

    /// Visits the error itself, then the errors in its fields.
    ///
    /// A derived [`RpcError::visit_sources`] calls this for each of its fields, so nested fields
    /// are visited, too.
    pub fn visit(
        self,
        visit: &mut dyn FnMut(&'a (dyn Error + 'static)) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        visit(self.error)?;
        (self.visit_sources)(self.error, visit)
    }

    /// Finds the first error of type `T` that `accept` accepts.
    ///
    /// An error whose type is hidden is not found: one that was added as context to an
    /// `anyhow::Error`, one behind a transparent variant of a type that does not implement
    /// [`RpcError`], and one behind a transparent variant of a type that does but is itself inside
    /// a `dyn Error`.
    pub fn find<T: Error + 'static>(self, accept: impl Fn(&T) -> bool) -> Option<&'a T> {
        let mut found = None;
        let _ = self.visit(&mut |error| {
            found = chain(error).filter_map(|link| link.downcast_ref::<T>()).find(|e| accept(e));
            if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        found
    }

    /// Returns the failure for an unexpected error, with its message and its causes.
    ///
    /// The server decides which of these details are sent to the caller.
    #[must_use]
    pub fn unexpected(self) -> Failure {
        Failure::new(FailureKind::Error, self.class, self.error.to_string())
            .with_module(self.module)
            .with_causes(chain(self.error).skip(1).map(ToString::to_string).collect())
    }
}

/// Returns the error and its sources, outermost first.
fn chain(error: &AnyError) -> impl Iterator<Item = &AnyError> {
    std::iter::successors(Some(error), |&error| error.source()).take(MAX_CHAIN)
}

/// Returns the failure that carries an expected error to the caller.
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

/// Decodes the expected error of a failure if it is a `T`.
///
/// The class must match, the value must decode, and if `T` has a module, it must match, too. A `T`
/// without a module matches any, because not every peer sends modules.
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
    details.decode(limits).ok()
}
