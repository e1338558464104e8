//! Converts an error of any type into a [`MethodError`].

use std::error::Error;
use std::sync::Arc;

use super::MethodError;
use crate::error::RpcError;

/// Converts an error of any type into a [`MethodError`]:
/// `(&&&&&&ErrorProbe(&error)).method_error()` after `use …::via::*`.
///
/// This is autoref specialization: each of the traits below is implemented for a type with one `&`
/// less than the trait before it, and method lookup tries them in this order. Blanket
/// implementations of one trait would overlap. In generic code, the bounds in scope decide.
#[derive(Debug)]
pub struct ErrorProbe<'a, E>(pub &'a E);

/// The traits that convert a probe.
pub mod via {
    pub use super::{ViaAsRef, ViaError, ViaNothing, ViaPointer, ViaRpcError, ViaRpcErrorPointer};
}

/// First: the error implements [`RpcError`].
pub trait ViaRpcError<'a> {
    /// Converts the error.
    fn method_error(&self) -> MethodError<'a>;
}

impl<'a, E: RpcError> ViaRpcError<'a> for &&&&&ErrorProbe<'a, E> {
    fn method_error(&self) -> MethodError<'a> {
        MethodError::named(self.0)
    }
}

/// Second: a pointer to an error that implements [`RpcError`].
pub trait ViaRpcErrorPointer<'a> {
    /// Converts the error.
    fn method_error(&self) -> MethodError<'a>;
}

impl<'a, P: Pointer<Target: RpcError>> ViaRpcErrorPointer<'a> for &&&&ErrorProbe<'a, P> {
    fn method_error(&self) -> MethodError<'a> {
        MethodError::named(self.0.pointee())
    }
}

/// Third: a pointer to any error.
///
/// It comes before the next trait, because a box of an error is itself an error, but hides the type
/// of its content.
pub trait ViaPointer<'a> {
    /// Converts the error.
    fn method_error(&self) -> MethodError<'a>;
}

impl<'a, P: ErrorPointer> ViaPointer<'a> for &&&ErrorProbe<'a, P> {
    fn method_error(&self) -> MethodError<'a> {
        MethodError::unnamed(self.0.error())
    }
}

/// Fourth: any error.
pub trait ViaError<'a> {
    /// Converts the error.
    fn method_error(&self) -> MethodError<'a>;
}

impl<'a, E: Error + 'static> ViaError<'a> for &&ErrorProbe<'a, E> {
    fn method_error(&self) -> MethodError<'a> {
        MethodError::unnamed(self.0)
    }
}

/// Fifth: a type that is not an error but dereferences to one, such as `anyhow::Error`.
pub trait ViaAsRef<'a> {
    /// Converts the error.
    fn method_error(&self) -> MethodError<'a>;
}

impl<'a, E: AsRef<dyn Error + Send + Sync>> ViaAsRef<'a> for &ErrorProbe<'a, E> {
    fn method_error(&self) -> MethodError<'a> {
        MethodError::unnamed(self.0.as_ref())
    }
}

/// Last: the diagnostic.
///
/// The bound is on the method. On the implementation, the compiler would only report that there is
/// no such method.
pub trait ViaNothing<'a> {
    /// The type that is not an error.
    type Error;

    /// Fails to compile with the advice of [`ErrorLike`].
    fn method_error(&self) -> MethodError<'a>
    where
        Self::Error: ErrorLike;
}

impl<'a, E> ViaNothing<'a> for ErrorProbe<'a, E> {
    type Error = E;

    fn method_error(&self) -> MethodError<'a>
    where
        E: ErrorLike,
    {
        MethodError::unnamed(self.0.error())
    }
}

/// A trait without implementations, for the diagnostic.
///
/// ```compile_fail,E0277
/// use rpc_core::__private::{ErrorProbe, via::*};
///
/// (&&&&&&ErrorProbe(&String::new())).method_error();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an error",
    label = "does not implement `std::error::Error`",
    note = "use a `'static` type that implements `std::error::Error`, for example with `thiserror`, or use `anyhow::Error` or `Box<dyn Error + Send + Sync>`"
)]
pub trait ErrorLike {
    /// Returns the error.
    fn error(&self) -> &(dyn Error + 'static);
}

/// A `Box` or an `Arc`.
pub trait Pointer {
    /// The type of the content.
    type Target;

    /// Returns the content.
    fn pointee(&self) -> &Self::Target;
}

/// A `Box` or an `Arc` of an error.
pub trait ErrorPointer {
    /// Returns the error.
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
