//! Assertions about errors of calls.

use std::fmt::Debug;

use rpc_core::CallError;
use rpc_core::error::{Ran, TimeoutPhase, TransportErrorKind};

/// Asserts that the call was interrupted: its server received it and stopped.
pub(crate) fn assert_interrupted<E: Debug>(error: &CallError<E>) {
    let CallError::Transport(transport) = error else { panic!("not interrupted: {error:?}") };
    assert_eq!(transport.kind(), TransportErrorKind::Interrupted);
    assert_eq!((error.ran(), error.may_retry()), (Ran::Unknown, false));
}

/// Asserts that the call timed out in this phase.
pub(crate) fn assert_timeout<E: Debug>(error: &CallError<E>, phase: TimeoutPhase) {
    let CallError::Timeout(timeout) = error else { panic!("not timed out: {error:?}") };
    assert_eq!(timeout.phase(), phase, "{error:?}");
}

/// Asserts that there was no server, and nothing ran.
pub(crate) fn assert_missing_server<E: Debug>(error: &CallError<E>) {
    let CallError::Transport(transport) = error else { panic!("somebody was there: {error:?}") };
    assert_eq!(transport.kind(), TransportErrorKind::MissingServer);
    assert_eq!((error.ran(), error.may_retry()), (Ran::No, true));
}
