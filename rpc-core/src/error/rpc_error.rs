//! Errors of the application that reach the caller as their Rust type.

use std::convert::Infallible;
use std::error::Error;
use std::ops::ControlFlow;

use crate::codec::DecodeLimits;
use crate::message::Failure;

/// An error with a wire name. [`#[derive(RpcError)]`](derive@crate::RpcError) implements it.
///
/// An error that is listed in [`#[expected(…)]`](macro@crate::expected) must also implement
/// `Serialize` and `Deserialize`. Its value is sent to the caller and decoded into the same Rust
/// type. A Python peer sees the class and the module.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no wire name",
    label = "does not implement `RpcError`",
    note = "derive it: `#[derive(Debug, thiserror::Error, Serialize, Deserialize, RpcError)]`"
)]
pub trait RpcError: Error + Send + Sync + 'static {
    /// The class. Default of the derive: the name of the type.
    const CLASS: &'static str;
    /// The module of the class. Default: none.
    const MODULE: Option<&'static str> = None;

    /// Visits the errors in `#[from]` and `#[source]` fields.
    ///
    /// [`Error::source`] skips them if a variant is `#[error(transparent)]`.
    fn visit_sources<'a>(
        &'a self,
        visit: &mut dyn FnMut(&'a (dyn Error + 'static)) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let _ = visit;
        ControlFlow::Continue(())
    }
}

/// The expected errors of a method.
///
/// Implemented by the enum that [`#[endpoint]`](macro@crate::endpoint) generates, which has a
/// variant for each entry of `#[expected(…)]`.
pub trait ExpectedErrors: Sized + Send + 'static {
    /// Decodes the error of a failure. Returns `None` if it is not one of the expected errors, or
    /// if its value cannot be decoded.
    fn from_failure(failure: &Failure, limits: &DecodeLimits) -> Option<Self>;
}

/// No expected errors.
impl ExpectedErrors for Infallible {
    fn from_failure(_: &Failure, _: &DecodeLimits) -> Option<Self> {
        None
    }
}
