//! Assertions about errors of calls.

use std::fmt::Debug;

use rpc_core::CallError;
use rpc_core::error::{Ran, TimeoutPhase, TransportErrorKind};

/// The server had it and is gone; nobody knows how far it came.
pub(crate) fn assert_interrupted<E: Debug>(error: &CallError<E>) {
    let CallError::Transport(transport) = error else { panic!("not interrupted: {error:?}") };
    assert_eq!(transport.kind(), TransportErrorKind::Interrupted);
    assert_eq!((error.ran(), error.may_retry()), (Ran::Unknown, false));
}

/// Time ran out, in this phase.
pub(crate) fn assert_timeout<E: Debug>(error: &CallError<E>, phase: TimeoutPhase) {
    let CallError::Timeout(timeout) = error else { panic!("not timed out: {error:?}") };
    assert_eq!(timeout.phase(), phase, "{error:?}");
}

/// Nobody is there, and nothing ran.
pub(crate) fn assert_nobody<E: Debug>(error: &CallError<E>) {
    let CallError::Transport(transport) = error else { panic!("somebody was there: {error:?}") };
    assert_eq!(transport.kind(), TransportErrorKind::MissingServer);
    assert_eq!((error.ran(), error.may_retry()), (Ran::No, true));
}
