//! Unexpected errors of a method.

use std::fmt;

use super::CallInfo;
use crate::codec::Payload;
use crate::message::{Failure, FailureKind, Ran};

/// An unexpected error of a method, a panic, or a result that cannot be encoded.
///
/// By default, a server does not send details. The message names the method and the message id.
/// Search the server's log for that id to find the details.
#[derive(Debug, Clone)]
pub struct RemoteError(Box<RemoteErrorInner>);

#[derive(Debug, Clone)]
struct RemoteErrorInner {
    failure: Failure,
    info: CallInfo,
}

impl RemoteError {
    pub(crate) fn new(failure: Failure, info: CallInfo) -> Self {
        Self(Box::new(RemoteErrorInner { failure, info }))
    }

    /// Returns the class of the error.
    #[must_use]
    pub fn class(&self) -> &str {
        self.0.failure.class()
    }

    /// Returns the module of the class, if the server has sent one.
    #[must_use]
    pub fn module(&self) -> Option<&str> {
        self.0.failure.module()
    }

    /// Returns the message of the error.
    #[must_use]
    pub fn message(&self) -> &str {
        self.0.failure.message()
    }

    /// Returns the causes of the error, or the lines of a Python traceback, if the server has sent
    /// them.
    #[must_use]
    pub fn causes(&self) -> &[String] {
        self.0.failure.causes()
    }

    /// Returns the encoded value of the error, if the server sent one.
    ///
    /// It is present if the error is an expected error that this client does not know.
    #[must_use]
    pub fn details(&self) -> Option<&Payload> {
        self.0.failure.details()
    }

    /// Returns whether the method panicked.
    #[must_use]
    pub fn is_panic(&self) -> bool {
        self.0.failure.kind() == FailureKind::Panic
    }

    /// Returns whether the method succeeded with a result that cannot be encoded.
    #[must_use]
    pub fn is_unencodable_result(&self) -> bool {
        self.0.failure.kind() == FailureKind::UnencodableResult
    }

    /// Returns whether the method ran.
    ///
    /// What the server said. Otherwise [`Ran::Yes`], or [`Ran::Unknown`] if the server sent a failure
    /// that this version does not know or cannot decode.
    #[must_use]
    pub fn ran(&self) -> Ran {
        self.0.failure.ran()
    }

    /// Returns information about the call.
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
