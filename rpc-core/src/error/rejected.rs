//! Calls that were refused before their method ran.

use std::fmt;

use super::CallInfo;
use crate::message::{Failure, FailureKind, Ran};
use crate::version::Version;

/// Why a call was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RejectReason {
    /// The target cannot be called: it has no topic, or asks for a fanout, which nobody can answer.
    InvalidTarget,
    /// The version asked for is not within the client's version cap (oslo.messaging's `RPCVersionCapError`).
    VersionCap {
        /// The version that the call needs.
        requested: Version,
        /// The cap.
        cap: Version,
    },
    /// The arguments cannot be encoded, or the server found one missing, unknown or of another type.
    InvalidArguments,
    /// The server has no endpoint with this namespace.
    UnknownNamespace,
    /// The server has the namespace, but no version of it that serves the one asked for.
    UnsupportedVersion {
        /// The versions that the server has.
        supported: Vec<Version>,
    },
    /// The server has no such method there, or hides it from this caller.
    UnknownMethod,
    /// The server cannot read the message.
    Malformed,
    /// A layer of the server turned the request away.
    Denied,
}

/// A call was refused; the method did not run and sending the same call again will not help.
#[derive(Debug, Clone)]
pub struct Rejected(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    reason: RejectReason,
    message: String,
    info: CallInfo,
}

impl Rejected {
    pub(crate) fn new(reason: RejectReason, message: impl Into<String>, info: CallInfo) -> Self {
        Self(Box::new(Parts { reason, message: message.into(), info }))
    }

    /// A server's refusal; `None` where the failure is none.
    pub(crate) fn from_failure(failure: &Failure, info: CallInfo) -> Option<Self> {
        let reason = match failure.kind() {
            FailureKind::UnknownNamespace => RejectReason::UnknownNamespace,
            FailureKind::UnsupportedVersion => RejectReason::UnsupportedVersion {
                supported: failure.supported_versions().to_vec(),
            },
            FailureKind::UnknownMethod => RejectReason::UnknownMethod,
            FailureKind::InvalidArguments => RejectReason::InvalidArguments,
            FailureKind::Malformed => RejectReason::Malformed,
            FailureKind::Denied => RejectReason::Denied,
            FailureKind::Expected
            | FailureKind::Error
            | FailureKind::Panic
            | FailureKind::UnencodableResult
            | FailureKind::Overloaded
            | FailureKind::Expired
            | FailureKind::Interrupted
            | FailureKind::Unrecognized => return None,
        };
        Some(Self::new(reason, failure.message(), info))
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> &RejectReason {
        &self.0.reason
    }

    /// The reason in words.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Whether the method ran: it did not.
    #[must_use]
    pub fn ran(&self) -> Ran {
        Ran::No
    }

    /// Which call it was.
    #[must_use]
    pub fn info(&self) -> &CallInfo {
        &self.0.info
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} was refused: {} (ran: no)", self.0.info, self.0.message)
    }
}

impl std::error::Error for Rejected {}
