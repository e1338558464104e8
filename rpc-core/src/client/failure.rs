//! How a call fails, and the errors that its caller gets.

use tokio::time::Instant;

use super::settings::Settings;
use crate::codec::Payload;
use crate::error::{
    CallError, CallInfo, Rejected, RemoteError, SendError, Timeout, TimeoutPhase, TransportError,
    TransportErrorKind,
};
use crate::message::{Failure, FailureKind, MessageId, Ran};

/// The encoded result of a call. A cast that was published has an empty one.
///
/// The failure is boxed, so that successful calls do not pay for its size.
pub(super) type CallResult = Result<Payload, Box<CallFailure>>;

/// Why a call has no result.
pub(super) enum CallFailure {
    /// The server replied with a failure.
    Reply(Failure, CallInfo),
    /// Everything else.
    Error(CallError),
}

impl CallFailure {
    pub(super) fn transport(error: SendError, info: CallInfo) -> Box<Self> {
        Box::new(Self::Error(CallError::Transport(TransportError::new(error, info))))
    }

    pub(super) fn timeout(phase: TimeoutPhase, ran: Ran, info: CallInfo) -> Box<Self> {
        Box::new(Self::Error(timeout(phase, ran, info)))
    }

    pub(super) fn rejected(rejected: Rejected) -> Box<Self> {
        Box::new(Self::Error(CallError::Rejected(rejected)))
    }

    /// Returns one word for the log: OpenTelemetry's `error.type`.
    pub(super) fn class(&self) -> &str {
        match self {
            Self::Reply(failure, _) => failure.class(),
            Self::Error(CallError::Rejected(_)) => "rejected",
            Self::Error(CallError::Transport(_)) => "transport",
            Self::Error(CallError::Timeout(_)) => "timeout",
            Self::Error(_) => "remote",
        }
    }

    /// Returns the caller's error where no failure is an expected one.
    pub(super) fn into_error(self) -> CallError {
        match self {
            Self::Error(error) => error,
            Self::Reply(failure, info) => unexpected(failure, info),
        }
    }
}

/// Describes a call for its error.
pub(super) fn call_info(
    settings: &Settings,
    id: Option<MessageId>,
    method: &str,
    started: Option<Instant>,
) -> CallInfo {
    CallInfo {
        method: method.to_owned(),
        target: settings.target.to_string(),
        message_id: id,
        elapsed: started.map(|started| started.elapsed()).unwrap_or_default(),
    }
}

/// Returns the caller's error for a failure that is not one of the method's expected errors.
pub(super) fn unexpected(failure: Failure, info: CallInfo) -> CallError {
    match failure.kind() {
        FailureKind::Expired => timeout(TimeoutPhase::Reply, failure.ran(), info),
        FailureKind::Overloaded => {
            failed_in_transport(&failure, TransportErrorKind::Overloaded, info)
        }
        FailureKind::Interrupted => {
            failed_in_transport(&failure, TransportErrorKind::Interrupted, info)
        }
        FailureKind::Expected
        | FailureKind::Error
        | FailureKind::Panic
        | FailureKind::UnencodableResult
        | FailureKind::UnknownNamespace
        | FailureKind::UnsupportedVersion
        | FailureKind::UnknownMethod
        | FailureKind::InvalidArguments
        | FailureKind::Malformed
        | FailureKind::Denied
        | FailureKind::Unrecognized => match Rejected::from_failure(&failure, info.clone()) {
            Some(rejected) => CallError::Rejected(rejected),
            None => CallError::Remote(RemoteError::new(failure, info)),
        },
    }
}

fn timeout(phase: TimeoutPhase, ran: Ran, info: CallInfo) -> CallError {
    CallError::Timeout(Timeout::new(phase, ran, info))
}

fn failed_in_transport(failure: &Failure, kind: TransportErrorKind, info: CallInfo) -> CallError {
    let error = SendError::new(kind, failure.ran(), failure.message());
    CallError::Transport(TransportError::new(error, info))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_error_of_every_failure_says_whether_the_method_ran() {
        let info = CallInfo {
            method: "m".to_owned(),
            target: "t".to_owned(),
            message_id: None,
            elapsed: Duration::ZERO,
        };
        for &kind in FailureKind::ALL {
            let plain = Failure::new(kind, "Class", "message");
            assert_eq!(plain.ran(), kind.ran());
            let said = [Ran::No, Ran::Yes, Ran::Unknown].map(|ran| plain.clone().with_ran(ran));
            for failure in said.into_iter().chain([plain]) {
                let ran = failure.ran();
                let error = unexpected(failure, info.clone());
                assert_eq!(error.ran(), ran, "{kind}: {error}");
                assert!(error.to_string().contains(&format!("ran: {ran}")), "{error}");
                assert!(!error.may_retry() || ran == Ran::No, "{kind}");
            }
        }
    }
}
