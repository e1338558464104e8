//! Calls that were rejected before the method ran.

use std::fmt;

use super::CallInfo;
use crate::message::{Failure, FailureKind, Ran};
use crate::version::Version;

/// The reason why a call was rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RejectReason {
    /// The target cannot be called: it has no topic, or it is a fanout, which has no reply.
    InvalidTarget,
    /// The requested version is not compatible with the client's version cap.
    VersionCap {
        /// The requested version.
        requested: Version,
        /// The version cap.
        cap: Version,
    },
    /// The arguments cannot be encoded, or the server found a missing, unknown or invalid argument.
    InvalidArguments,
    /// The server has no endpoint with this namespace.
    UnknownNamespace,
    /// The server has the namespace, but not in a version that serves the requested one.
    UnsupportedVersion {
        /// The versions that the server supports.
        supported: Vec<Version>,
    },
    /// The server does not have the method, or its access policy hides it from the caller.
    UnknownMethod,
    /// The server cannot decode the message.
    Malformed,
    /// A layer of the server denied the request.
    Denied,
}

/// A call that the client or the server rejected. The method did not run, and a retry would be
/// rejected, too.
#[derive(Debug, Clone)]
pub struct Rejected(Box<RejectedInner>);

#[derive(Debug, Clone)]
struct RejectedInner {
    reason: RejectReason,
    message: String,
    info: CallInfo,
}

impl Rejected {
    pub(crate) fn new(reason: RejectReason, message: impl Into<String>, info: CallInfo) -> Self {
        Self(Box::new(RejectedInner { reason, message: message.into(), info }))
    }

    /// Converts the failure of a server. Returns `None` if the failure is not a rejection, or if its
    /// method may have run nevertheless.
    pub(crate) fn from_failure(failure: &Failure, info: CallInfo) -> Option<Self> {
        if failure.ran() != Ran::No {
            return None;
        }
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

    /// Returns the reason.
    #[must_use]
    pub fn reason(&self) -> &RejectReason {
        &self.0.reason
    }

    /// Returns the message of the client or server.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns [`Ran::No`].
    #[must_use]
    pub fn ran(&self) -> Ran {
        Ran::No
    }

    /// Returns information about the call.
    #[must_use]
    pub fn info(&self) -> &CallInfo {
        &self.0.info
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} was rejected: {} (ran: no)", self.0.info, self.0.message)
    }
}

impl std::error::Error for Rejected {}
