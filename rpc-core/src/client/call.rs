//! The futures that a client hands out.

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::flight::{self, Flight, Lost};
use crate::codec::Payload;
use crate::error::{CallError, ExpectedErrors, SendError, TransportError, TransportErrorKind};
use crate::message::{FailureKind, Ran};
use crate::serializer;
use crate::target::TargetChange;

/// A call that is sent when it is awaited, and given up when it is dropped.
///
/// Until then it can be pointed at one server, bounded, or turned into a cast. `T` is the method's result, `E` the
/// enum of its expected errors.
///
/// # Cancel safety
///
/// Dropping a call that was polled gives it up: the server is told (best effort), nothing of it stays behind, and its
/// late reply is discarded. Dropping one that was not polled sends nothing.
#[must_use = "a call is sent when it is awaited"]
pub struct Call<T, E = Infallible> {
    flight: Flight,
    _result: PhantomData<fn() -> (T, E)>,
}

impl<T, E> Call<T, E> {
    #[inline]
    pub(super) fn new(flight: Flight) -> Self {
        Self { flight, _result: PhantomData }
    }

    /// Gives this call another time-out than its client's.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.flight.timeout = timeout;
        self
    }

    /// Asks for a sign of life at least this often, whatever the client's setting.
    pub fn monitor(mut self, period: Duration) -> Self {
        if let Some(request) = self.flight.unsent() {
            request.monitor = Some(period);
        }
        self
    }

    /// Sends this call to the server with this name only.
    pub fn to_server(mut self, server: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        self.flight.retarget(TargetChange::new().server(server));
        self
    }

    /// Sends without waiting for an answer.
    pub fn cast(mut self) -> Cast {
        self.flight.make_cast();
        Cast { flight: self.flight }
    }

    /// Casts to every server of the topic. None of them, and none that starts later, is told of the others.
    pub fn fanout(mut self) -> Cast {
        self.flight.make_cast();
        self.flight.retarget(TargetChange::new().fanout(true));
        Cast { flight: self.flight }
    }
}

impl<T: DeserializeOwned, E: ExpectedErrors> Call<T, E> {
    fn decode(&self, payload: &Payload) -> Result<T, CallError<E>> {
        let Flight { settings, entries, .. } = &self.flight;
        let read = |payload: &Payload| {
            payload.codec().decode(payload.bytes(), &settings.limits).map_err(|e| e.to_string())
        };
        let decoded = match &settings.serializer {
            None => read(payload),
            Some(serializer) => {
                serializer::incoming_result(&**serializer, entries, payload, &settings.limits)
                    .map_err(|error| error.to_string())
                    .and_then(|payload| read(&payload))
            }
        };
        decoded.map_err(|reason| {
            let message = format!("the result cannot be decoded: {reason}");
            let error = SendError::new(TransportErrorKind::MalformedReply, Ran::Yes, message);
            CallError::Transport(TransportError::new(error, self.flight.info()))
        })
    }

    #[cold]
    fn lost(&self, lost: Lost) -> CallError<E> {
        match lost {
            Lost::Error(error) => error.widen(),
            Lost::Failure(failure, info) => {
                // A Python peer does not say which of its errors are expected.
                let typed = matches!(failure.kind(), FailureKind::Expected | FailureKind::Error)
                    .then(|| E::from_failure(&failure, &self.flight.settings.limits))
                    .flatten();
                match typed {
                    Some(error) => CallError::Expected(error),
                    None => flight::unexpected(failure, info).widen(),
                }
            }
        }
    }
}

impl<T: DeserializeOwned, E: ExpectedErrors> Future for Call<T, E> {
    type Output = Result<T, CallError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let call = self.get_mut();
        Poll::Ready(match ready!(call.flight.poll(cx)) {
            Ok(payload) => call.decode(&payload),
            Err(lost) => Err(call.lost(*lost)),
        })
    }
}

/// A cast that is sent when it is awaited: it is done when the message has been handed over.
///
/// A cast does not know whether its method ran. Its time-out bounds the hand-over only, and it does not expire in a queue
/// unless [asked to](Self::expires_after), as in oslo.messaging.
///
/// # Cancel safety
///
/// Dropping a cast that was polled may or may not have sent it; dropping one that was not polled sends nothing.
#[must_use = "a cast is sent when it is awaited"]
pub struct Cast {
    flight: Flight,
}

impl Cast {
    /// How long handing over may take.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.flight.timeout = timeout;
        self
    }

    /// Lets the cast expire: a server that comes to it later than this does not run it. Default: never.
    pub fn expires_after(mut self, worth: Duration) -> Self {
        self.flight.expires_after = Some(worth);
        self
    }

    /// Sends this cast to the server with this name only.
    pub fn to_server(mut self, server: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        self.flight.retarget(TargetChange::new().server(server));
        self
    }
}

impl Future for Cast {
    type Output = Result<(), CallError>;

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        Poll::Ready(match ready!(self.get_mut().flight.poll(cx)) {
            Ok(_) => Ok(()),
            Err(lost) => Err(match *lost {
                Lost::Error(error) => error,
                Lost::Failure(failure, info) => flight::unexpected(failure, info),
            }),
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
