//! Errors of the application that travel as themselves.

use std::convert::Infallible;
use std::error::Error;
use std::ops::ControlFlow;

use crate::codec::DecodeLimits;
use crate::message::Failure;

/// An error that has a name on the wire. Implemented by `#[derive(RpcError)]`.
///
/// An error named in `#[expected(…)]` also needs `Serialize` and `Deserialize`: its value travels to the caller and is
/// the same Rust type there. Class and module are the names that a Python peer sees.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no name on the wire",
    label = "not an `RpcError`",
    note = "derive it: `#[derive(Debug, thiserror::Error, Serialize, Deserialize, RpcError)]`"
)]
pub trait RpcError: Error + Send + Sync + 'static {
    /// The class: the type's own name, unless `#[rpc_error(class = "…")]` says otherwise.
    const CLASS: &'static str;
    /// The module, where `#[rpc_error(module = "…")]` names one.
    const MODULE: Option<&'static str> = None;

    /// Shows the errors held in `#[from]` and `#[source]` fields, which [`Error::source`] hides where a variant is
    /// `#[error(transparent)]`.
    fn visit_held<'a>(
        &'a self,
        visit: &mut dyn FnMut(&'a (dyn Error + 'static)) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let _ = visit;
        ControlFlow::Continue(())
    }
}

/// The expected errors of one method, as its caller sees them: an enum with a variant for each entry of
/// `#[expected(…)]`, generated together with the client.
pub trait ExpectedErrors: Sized + Send + 'static {
    /// The error that the failure carries; `None` where the failure names none of these, or its value does not fit.
    fn from_failure(failure: &Failure, limits: &DecodeLimits) -> Option<Self>;
}

/// Nothing is expected.
impl ExpectedErrors for Infallible {
    fn from_failure(_: &Failure, _: &DecodeLimits) -> Option<Self> {
        None
    }
}
