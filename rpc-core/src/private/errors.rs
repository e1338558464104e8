//! Errors of methods: is one of the expected ones in there, and what does the caller learn?
//!
//! An expected error is looked for in the returned error, in the errors it holds where it derives
//! [`RpcError`], and in the chain of [`Error::source`] of each of these.

use std::error::Error;
use std::ops::ControlFlow;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::{Codec, Limits, Payload};
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
            .with_trace(chain(self.error).skip(1).map(ToString::to_string).collect())
    }
}

/// The error and its causes, outermost first.
fn chain(error: &AnyError) -> impl Iterator<Item = &AnyError> {
    std::iter::successors(Some(error), |&error| error.source()).take(LONGEST_CHAIN)
}

/// Turns an error of any type into an [`Erred`], by the best way its type offers:
/// `(&&&&&&ErrorProbe(&error)).erred()` with the six traits `Via…` in scope.
///
/// Method look-up tries the traits in the order below, each being implemented for a type with one
/// `&` less. Plain blanket implementations would overlap. Works in generic code, too, as far as
/// the bounds in scope tell.
#[derive(Debug)]
pub struct ErrorProbe<'a, E>(pub &'a E);

/// First: the error has a name and tells what it holds.
pub trait ViaRpcError<'a> {
    /// The error.
    fn erred(&self) -> Erred<'a>;
}

impl<'a, E: RpcError> ViaRpcError<'a> for &&&&&ErrorProbe<'a, E> {
    fn erred(&self) -> Erred<'a> {
        Erred::named(self.0)
    }
}

/// Second: a box around such an error.
pub trait ViaRpcErrorPointer<'a> {
    /// The error.
    fn erred(&self) -> Erred<'a>;
}

impl<'a, P: Pointer<Target: RpcError>> ViaRpcErrorPointer<'a> for &&&&ErrorProbe<'a, P> {
    fn erred(&self) -> Erred<'a> {
        Erred::named(self.0.pointee())
    }
}

/// Third: a box around any error. It comes before the next, because the box itself is an error,
/// but one that hides its content's type.
pub trait ViaPointer<'a> {
    /// The error.
    fn erred(&self) -> Erred<'a>;
}

impl<'a, P: ErrorPointer> ViaPointer<'a> for &&&ErrorProbe<'a, P> {
    fn erred(&self) -> Erred<'a> {
        Erred::unnamed(self.0.error())
    }
}

/// Fourth: an error.
pub trait ViaError<'a> {
    /// The error.
    fn erred(&self) -> Erred<'a>;
}

impl<'a, E: Error + 'static> ViaError<'a> for &&ErrorProbe<'a, E> {
    fn erred(&self) -> Erred<'a> {
        Erred::unnamed(self.0)
    }
}

/// Fifth: no error itself, but a view on one, as `anyhow::Error` is.
pub trait ViaAsRef<'a> {
    /// The error.
    fn erred(&self) -> Erred<'a>;
}

impl<'a, E: AsRef<dyn Error + Send + Sync>> ViaAsRef<'a> for &ErrorProbe<'a, E> {
    fn erred(&self) -> Erred<'a> {
        Erred::unnamed(self.0.as_ref())
    }
}

/// Last: advice. The bound is the method's, or the compiler would only say that there is none.
pub trait ViaNothing<'a> {
    /// What it would fail with.
    type Error;

    /// Never compiles.
    fn erred(&self) -> Erred<'a>
    where
        Self::Error: MethodError;
}

impl<'a, E> ViaNothing<'a> for ErrorProbe<'a, E> {
    type Error = E;

    fn erred(&self) -> Erred<'a>
    where
        E: MethodError,
    {
        Erred::unnamed(self.0.error())
    }
}

/// Implemented by nothing.
#[diagnostic::on_unimplemented(
    message = "a method cannot fail with `{Self}`, which is no error",
    label = "not an error type",
    note = "return a type that implements `std::error::Error` (and is `'static`), for example by `thiserror`, or one such as `anyhow::Error` or `Box<dyn Error + Send + Sync>`"
)]
pub trait MethodError {
    /// The error.
    fn error(&self) -> &(dyn Error + 'static);
}

/// A box or a shared pointer.
pub trait Pointer {
    /// What it points to.
    type Target;

    /// What it points to.
    fn pointee(&self) -> &Self::Target;
}

/// A box or a shared pointer to an error.
pub trait ErrorPointer {
    /// What it points to.
    fn error(&self) -> &(dyn Error + 'static);
}

macro_rules! pointers {
    ($($pointer:ident),+) => {$(
        impl<T> Pointer for $pointer<T> {
            type Target = T;

            fn pointee(&self) -> &T {
                self
            }
        }

        impl<E: Error + 'static> ErrorPointer for $pointer<E> {
            fn error(&self) -> &(dyn Error + 'static) {
                &**self
            }
        }

        pointers!(@dyn $pointer: dyn Error, dyn Error + Send, dyn Error + Send + Sync);
    )+};
    (@dyn $pointer:ident: $($error:ty),+) => {$(
        impl ErrorPointer for $pointer<$error> {
            fn error(&self) -> &(dyn Error + 'static) {
                &**self
            }
        }
    )+};
}

pointers!(Box, Arc);

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
    limits: &Limits,
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
