//! Errors of calls.
//!
//! A call fails with a [`CallError`]. It answers two questions: [did the method
//! run](CallError::ran), and [may I retry the call](CallError::may_retry)?
//!
//! Errors of the application have their own type ([`CallError::Expected`]), because they are part
//! of the interface. Errors of the framework are opaque structs with a kind, so that they can be
//! extended.

mod call;
mod info;
mod rejected;
mod remote;
mod rpc_error;
mod timeout;
mod transport;

pub use self::call::CallError;
pub use self::info::CallInfo;
pub use self::rejected::{RejectReason, Rejected};
pub use self::remote::RemoteError;
pub use self::rpc_error::{ExpectedErrors, RpcError};
pub use self::timeout::{Timeout, TimeoutPhase};
pub use self::transport::{SendError, TransportError, TransportErrorKind};
pub use crate::message::Ran;
