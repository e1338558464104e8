//! The futures that a client returns.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::call_state::CallState;
use super::failure::{CallFailure, unexpected};
use crate::codec::Payload;
use crate::error::{CallError, ExpectedErrors, SendError, TransportError, TransportErrorKind};
use crate::message::{FailureKind, Ran};
use crate::serializer;

/// A call. It is sent when it is awaited, and cancelled when it is dropped.
///
/// Before it is awaited it can be sent to one server only, given another timeout, or turned into a cast. `T` is the
/// method's result, `E` the enum of its expected errors.
///
/// ```
/// # use std::time::Duration;
/// # use rpc_core::{CallError, Context, RpcClient};
/// # async fn example(client: RpcClient) -> Result<(), CallError> {
/// let ctx = Context::new();
/// let cents: u64 = client.call(&ctx, "balance", &()).timeout(Duration::from_secs(5)).await?;
/// client.call::<()>(&ctx, "audit", &()).to_server("bank-2").cast().await?;
/// # Ok(())
/// # }
/// ```
///
/// # Cancel safety
///
/// Dropping a call that was polled cancels it: the server is told (best effort), the client forgets the call, and
/// discards a late reply. Dropping a call that was not polled sends nothing.
///
/// # Panics
///
/// Panics if it is polled after it has completed, like an `async fn`.
#[must_use = "a call is sent when it is awaited"]
pub struct Call<T, E = Infallible> {
    state: CallState,
    _result: PhantomData<fn() -> (T, E)>,
}

impl<T, E> Call<T, E> {
    #[inline]
    pub(super) fn new(state: CallState) -> Self {
        Self { state, _result: PhantomData }
    }

    /// Sets the timeout of this call, instead of its client's.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.state.timeout = timeout;
        self
    }

    /// Sets the period of this call's monitor, instead of its client's. See [`ClientBuilder::monitor`].
    ///
    /// [`ClientBuilder::monitor`]: super::ClientBuilder::monitor
    pub fn monitor(mut self, period: Duration) -> Self {
        if let Some(request) = self.state.unsent() {
            request.monitor = Some(period);
        }
        self
    }

    /// Sends this call to the server with this name only.
    pub fn to_server(self, server: impl Into<Cow<'static, str>>) -> Self {
        Self::new(self.state.with_server(server.into()))
    }

    /// Turns the call into a cast, which has no reply.
    pub fn cast(self) -> Cast {
        Cast { state: self.state.into_cast() }
    }

    /// Turns the call into a cast to every server of the topic.
    ///
    /// The servers do not learn of each other. A server that starts later does not get the cast.
    pub fn fanout(self) -> Cast {
        Cast { state: self.state.into_cast().with_all_servers() }
    }
}

impl<T: DeserializeOwned, E: ExpectedErrors> Call<T, E> {
    fn decode(&self, payload: &Payload) -> Result<T, CallError<E>> {
        let CallState { settings, entries, .. } = &self.state;
        let read = |payload: &Payload| payload.decode(&settings.limits).map_err(|e| e.to_string());
        let decoded = match &settings.serializer {
            None => read(payload),
            Some(serializer) => {
                serializer::deserialize_result(&**serializer, entries, payload, &settings.limits)
                    .map_err(|error| error.to_string())
                    .and_then(|payload| read(&payload))
            }
        };
        decoded.map_err(|reason| {
            let message = format!("the result cannot be decoded: {reason}");
            let error = SendError::new(TransportErrorKind::MalformedReply, Ran::Yes, message);
            CallError::Transport(TransportError::new(error, self.state.info()))
        })
    }

    #[cold]
    fn error(&self, failure: CallFailure) -> CallError<E> {
        match failure {
            CallFailure::Error(error) => error.widen(),
            CallFailure::Reply(failure, info) => {
                // A Python server does not say which of its errors are expected. An expected error says that the method ran.
                let kind = matches!(failure.kind(), FailureKind::Expected | FailureKind::Error);
                let expected = (kind && failure.ran() == Ran::Yes)
                    .then(|| E::from_failure(&failure, &self.state.settings.limits))
                    .flatten();
                match expected {
                    Some(error) => CallError::Expected(error),
                    None => unexpected(failure, info).widen(),
                }
            }
        }
    }
}

impl<T: DeserializeOwned, E: ExpectedErrors> Future for Call<T, E> {
    type Output = Result<T, CallError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let call = self.get_mut();
        Poll::Ready(match ready!(call.state.poll("Call", cx)) {
            Ok(payload) => call.decode(&payload),
            Err(failure) => Err(call.error(*failure)),
        })
    }
}

/// A cast. It is sent when it is awaited, and completes when the message was published.
///
/// A cast does not learn whether its method ran. Its timeout limits the publishing only. It does not expire in a queue
/// unless [`expires_after`](Self::expires_after) is set, as in oslo.messaging.
///
/// ```
/// # use std::time::Duration;
/// # use rpc_core::{CallError, Context, RpcClient};
/// # async fn example(client: RpcClient) -> Result<(), CallError> {
/// let refresh = client.call::<()>(&Context::new(), "refresh", &()).fanout();
/// refresh.expires_after(Duration::from_secs(60)).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Cancel safety
///
/// Dropping a cast that was polled may or may not have sent it. Dropping a cast that was not polled sends nothing.
///
/// # Panics
///
/// Panics if it is polled after it has completed, like an `async fn`.
#[must_use = "a cast is sent when it is awaited"]
pub struct Cast {
    state: CallState,
}

impl Cast {
    /// Sets how long publishing may take.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.state.timeout = timeout;
        self
    }

    /// Sets how long the cast may wait to be run. A server does not run it later than this. Default: no limit.
    pub fn expires_after(mut self, after: Duration) -> Self {
        self.state.expires_after = Some(after);
        self
    }

    /// Sends this cast to the server with this name only.
    pub fn to_server(self, server: impl Into<Cow<'static, str>>) -> Self {
        Self { state: self.state.with_server(server.into()) }
    }
}

impl Future for Cast {
    type Output = Result<(), CallError>;

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        Poll::Ready(match ready!(self.get_mut().state.poll("Cast", cx)) {
            Ok(_) => Ok(()),
            Err(failure) => Err(failure.into_error()),
        })
    }
}

impl<T, E> fmt::Debug for Call<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").finish_non_exhaustive()
    }
}

impl fmt::Debug for Cast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cast").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::task::Waker;

    use super::*;
    use crate::client::{Retry, RpcClient};
    use crate::context::Context;
    use crate::ping::Ping;

    /// Awaits a future, polls it once more, and returns the text of the panic.
    async fn polled_again<F: Future + Unpin>(mut future: F) -> String
    where
        F::Output: fmt::Debug,
    {
        let _ = (&mut future).await;
        let mut cx = TaskContext::from_waker(Waker::noop());
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut future).poll(&mut cx)));
        *polled.expect_err("it did not panic").downcast::<String>().unwrap()
    }

    #[tokio::test]
    async fn a_call_or_cast_that_is_polled_after_completion_panics() {
        let ctx = Context::new();
        let plain = RpcClient::in_process(Ping);
        let layered = plain.prepare().retry(Retry::times(1)).build();
        for client in [plain, layered] {
            let call = || client.call::<String>(&ctx, "oslo_rpc_server_ping", &());
            let fails = client.call::<String>(&ctx, "oslo_rpc_server_ping", &[1]);
            let panics = "`Call` polled after completion";
            assert_eq!(polled_again(call()).await, panics);
            assert_eq!(
                polled_again(call().fanout().timeout(Duration::ZERO)).await,
                "`Cast` polled after completion"
            );
            assert_eq!(polled_again(call().timeout(Duration::ZERO)).await, panics);
            assert_eq!(polled_again(fails).await, panics);
            assert_eq!(polled_again(call().cast()).await, "`Cast` polled after completion");
        }
    }
}
