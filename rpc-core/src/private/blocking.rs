//! Blocking methods.

use std::panic::resume_unwind;

use tokio_util::task::AbortOnDropHandle;
use tracing::Span;

use crate::message::{Failure, FailureKind};
use crate::server::process::{EnterGuard, ServerId};

/// Runs a method on tokio's blocking thread pool, within the span of the request and with the
/// current server set.
///
/// A panic of the method resumes in the caller, which handles it like that of any other method.
///
/// # Errors
///
/// Fails with [`FailureKind::Interrupted`] if the runtime was shut down before the method started.
///
/// # Cancel safety
///
/// If the future is dropped before the method has started, the method never runs. A method that has
/// started runs to its end, and its result is lost.
pub async fn run_blocking<T: Send + 'static>(
    method: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let (span, server) = (Span::current(), ServerId::current());
    // Dropped, the handle aborts the task, which has no effect once the method has started.
    let running = AbortOnDropHandle::new(tokio::task::spawn_blocking(move || {
        let _current = EnterGuard::enter(server);
        span.in_scope(method)
    }));
    running.await.map_err(|error| match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(_) => Failure::new(
            FailureKind::Interrupted,
            "Interrupted",
            "the server's runtime was shut down before the method started",
        ),
    })
}

#[cfg(test)]
mod tests {
    use std::panic::AssertUnwindSafe;
    use std::thread;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_blocking_method_runs_on_a_thread_of_its_own() {
        let here = thread::current().id();
        let there = run_blocking(|| thread::current().id()).await.unwrap();
        assert_ne!(there, here);
    }

    #[tokio::test]
    async fn a_blocking_method_knows_inside_which_server_it_runs() {
        let server = ServerId::next();
        let (inside, after) = {
            let _current = EnterGuard::enter(server);
            let mut method = Box::pin(run_blocking(move || server.is_current()));
            // Its thread may be done before the first poll.
            let inside = match method.as_mut().now_or_never() {
                Some(inside) => inside,
                None => method.await,
            };
            (inside.unwrap(), run_blocking(move || server.is_current()))
        };
        assert!(inside);
        assert!(!after.await.unwrap());
    }

    #[tokio::test]
    async fn a_panic_goes_on_where_it_is_answered() {
        let running = run_blocking(|| panic!("out of paper"));
        let panic = AssertUnwindSafe(running).catch_unwind().await.unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"out of paper"));
    }

    #[test]
    fn a_method_that_is_given_up_before_it_has_a_thread_never_begins() {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.max_blocking_threads(1).build().unwrap();
        let (release, held) = std::sync::mpsc::channel::<()>();
        let (began, begins) = std::sync::mpsc::channel();
        runtime.block_on(async {
            let first = tokio::spawn(run_blocking(move || held.recv()));
            tokio::task::yield_now().await;
            let mut second = Box::pin(run_blocking(move || began.send(())));
            assert!(second.as_mut().now_or_never().is_none());
            drop(second);
            release.send(()).unwrap();
            first.await.unwrap().unwrap().unwrap();
        });
        drop(runtime);
        assert!(begins.recv().is_err());
    }

    #[test]
    fn after_the_runtime_was_shut_down_the_method_is_told_interrupted() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let handle = runtime.handle().clone();
        runtime.shutdown_background();
        let failure = handle.block_on(run_blocking(|| ())).unwrap_err();
        assert_eq!(failure.kind(), FailureKind::Interrupted);
    }
}
