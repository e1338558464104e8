//! Methods that block.

use std::panic::resume_unwind;

use tracing::Span;

use crate::message::{Failure, FailureKind};

/// Runs a method on a thread that may block, within the span of the request.
///
/// A panic goes on in the caller, where it is caught and answered like that of any other method.
///
/// # Errors
///
/// [`FailureKind::Interrupted`] where the runtime was shut down before the method began.
///
/// # Cancel safety
///
/// A method that has begun runs to its end when the future is dropped; its result is lost.
pub async fn run_blocking<T: Send + 'static>(
    method: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let span = Span::current();
    let running = tokio::task::spawn_blocking(move || span.in_scope(method));
    running.await.map_err(|error| match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(_) => Failure::new(
            FailureKind::Interrupted,
            "Interrupted",
            "the runtime of the server was shut down before the method began",
        ),
    })
}
