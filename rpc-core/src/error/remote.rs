//! Errors of the method that the caller has no type for.

use std::fmt;

use super::CallInfo;
use crate::codec::Payload;
use crate::message::{Failure, FailureKind, Ran};

/// The method ran and failed with an error that is not among its expected ones, or panicked, or returned what cannot
/// be encoded: oslo.messaging's `RemoteError`.
///
/// By default a server sends no internals: the message names the method and the id to look for in its log.
#[derive(Debug, Clone)]
pub struct RemoteError(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    failure: Failure,
    info: CallInfo,
}

impl RemoteError {
    pub(crate) fn new(failure: Failure, info: CallInfo) -> Self {
        Self(Box::new(Parts { failure, info }))
    }

    /// The class of the error, as its server names it.
    #[must_use]
    pub fn class(&self) -> &str {
        self.0.failure.class()
    }

    /// The module of the class, where the server names one.
    #[must_use]
    pub fn module(&self) -> Option<&str> {
        self.0.failure.module()
    }

    /// The text of the error.
    #[must_use]
    pub fn message(&self) -> &str {
        self.0.failure.message()
    }

    /// The chain of causes or the stack lines, where the server sends them.
    #[must_use]
    pub fn trace(&self) -> &[String] {
        self.0.failure.causes()
    }

    /// The error's encoded value: an expected error that this caller does not know (yet) has one.
    #[must_use]
    pub fn details(&self) -> Option<&Payload> {
        self.0.failure.details()
    }

    /// Whether the method panicked.
    #[must_use]
    pub fn is_panic(&self) -> bool {
        self.0.failure.kind() == FailureKind::Panic
    }

    /// Whether the method succeeded, but with a result that cannot be encoded.
    #[must_use]
    pub fn is_unencodable_result(&self) -> bool {
        self.0.failure.kind() == FailureKind::UnencodableResult
    }

    /// Returns whether the method ran: yes, or unknown where the server names a kind of failure that this version does
    /// not know.
    #[must_use]
    pub fn ran(&self) -> Ran {
        self.0.failure.kind().ran()
    }

    /// Which call failed.
    #[must_use]
    pub fn info(&self) -> &CallInfo {
        &self.0.info
    }
}

impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed: {} (ran: {})", self.0.info, self.0.failure, self.ran())
    }
}

impl std::error::Error for RemoteError {}
