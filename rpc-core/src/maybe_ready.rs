//! A result that is there at once, or later.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::endpoint::BoxFuture;

/// What a transport answers when it may or may not have to wait.
///
/// A boxed future for every message costs a fraction of a whole call in memory; a broker on the network does not notice
/// it. So transports that are done at once say so, and the others box.
pub enum MaybeReady<T> {
    /// Done. Empty once it has been polled.
    Ready(Option<T>),
    /// Still under way.
    Pending(BoxFuture<'static, T>),
}

impl<T> MaybeReady<T> {
    /// A result that is there already.
    pub const fn ready(value: T) -> Self {
        Self::Ready(Some(value))
    }

    /// A result that will be there when `future` is done.
    pub fn pending(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self::Pending(Box::pin(future))
    }
}

impl<T, E> MaybeReady<Result<T, E>> {
    /// What there is still to be looked at: nothing, if all went well at once.
    ///
    /// Most often it did. Awaiting would first move the whole value to where it can stay.
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

    /// # Panics
    ///
    /// When polled again after it was ready, as futures may.
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
