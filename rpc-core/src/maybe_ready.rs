//! A result that is ready at once, or later.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::endpoint::BoxFuture;

/// The result of a transport's operation that may or may not have to wait.
///
/// A boxed future for every message costs a noticeable part of an in-memory call, and nothing noticeable over a network.
/// So a transport whose result is ready at once returns it in place, and other transports box a future.
///
/// ```
/// use rpc_core::MaybeReady;
///
/// # async fn example() {
/// assert_eq!(MaybeReady::ready(1).await, 1);
/// assert_eq!(MaybeReady::pending(async { 2 }).await, 2);
/// # }
/// ```
pub enum MaybeReady<T> {
    /// The result. `None` once it has been polled.
    Ready(Option<T>),
    /// The future of the result.
    Pending(BoxFuture<'static, T>),
}

impl<T> MaybeReady<T> {
    /// Creates a result that is ready.
    pub const fn ready(value: T) -> Self {
        Self::Ready(Some(value))
    }

    /// Creates a result that is ready when `future` completes.
    pub fn pending(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self::Pending(Box::pin(future))
    }
}

impl<T, E> MaybeReady<Result<T, E>> {
    /// Returns `None` for a success that is ready, and what must still be awaited otherwise.
    ///
    /// Most results are such a success. Awaiting it would first move the whole value into the future of the caller.
    #[inline]
    pub(crate) fn into_pending(self) -> Option<Self> {
        match self {
            Self::Ready(Some(Ok(_))) => None,
            other => Some(other),
        }
    }
}

impl<T: Unpin> Future for MaybeReady<T> {
    type Output = T;

    /// Returns the result if it is ready.
    ///
    /// # Panics
    ///
    /// Panics if it is polled again after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match self.get_mut() {
            Self::Ready(value) => Poll::Ready(value.take().expect("polled after it was ready")),
            Self::Pending(future) => future.as_mut().poll(cx),
        }
    }
}

impl<T> fmt::Debug for MaybeReady<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ready(_) => "MaybeReady::Ready",
            Self::Pending(_) => "MaybeReady::Pending",
        })
    }
}
