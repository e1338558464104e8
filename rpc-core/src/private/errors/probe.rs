//! From an error of any type to an [`Erred`].

use std::error::Error;
use std::sync::Arc;

use super::Erred;
use crate::error::RpcError;

/// Turns an error of any type into an [`Erred`], by the best way its type offers:
/// `(&&&&&&ErrorProbe(&error)).erred()` after `use …::via::*`.
///
/// Method look-up tries the traits in the order below, each being implemented for a type with one
/// `&` less. Plain blanket implementations would overlap. Works in generic code, too, as far as
/// the bounds in scope tell.
#[derive(Debug)]
pub struct ErrorProbe<'a, E>(pub &'a E);

/// The ways from a probe to its error.
pub mod via {
    pub use super::{ViaAsRef, ViaError, ViaNothing, ViaPointer, ViaRpcError, ViaRpcErrorPointer};
}

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
///
/// ```compile_fail,E0277
/// use rpc_core::__private::{ErrorProbe, via::*};
///
/// (&&&&&&ErrorProbe(&String::new())).erred();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no error",
    label = "neither an error nor something that holds one",
    note = "use a type that implements `std::error::Error` (and is `'static`), for example by `thiserror`, or one such as `anyhow::Error` or `Box<dyn Error + Send + Sync>`"
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
