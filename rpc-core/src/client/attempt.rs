//! One attempt to send a request: publish it, and wait for its reply.
//!
//! Everything that need not wait is done in plain functions, and the future is small: its size decides the speed of a
//! call. An `async fn` in its place would reserve room for every branch.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::time::{Instant, timeout_at};

use super::failure::{CallFailure, CallResult, call_info};
use super::request::check_target;
use super::settings::Settings;
use crate::codec::Payload;
use crate::endpoint::BoxFuture;
use crate::error::{CallInfo, SendError, TimeoutPhase, TransportErrorKind};
use crate::maybe_ready::MaybeReady;
use crate::message::{Ran, Request, SendState};
use crate::pending_calls::{PendingReply, ReplyEvent};
use crate::transport::{Route, Sent};

pub(super) enum Attempt {
    /// A call that waits for its reply.
    Waiting(Waiting),
    /// A cast that the transport has not published yet.
    Publishing(BoxFuture<'static, CallResult>, Arc<Request>),
    /// A cast that was published.
    Published(Arc<Request>),
    /// The request was not sent. `None` once the failure was reported.
    Failed(Option<Box<CallFailure>>),
}

/// A call in flight.
pub(super) struct Waiting {
    reply: PendingReply,
    /// `None` once the request was published.
    publish: Option<BoxFuture<'static, Result<(), SendError>>>,
}

impl Attempt {
    /// Starts to send a request. `bound` limits how long a cast may take to be published; a call has its deadline.
    pub(super) fn start(
        settings: &Arc<Settings>,
        request: Arc<Request>,
        started: Instant,
        bound: Option<Instant>,
    ) -> Self {
        let route = match check_target(settings, &request) {
            Ok(route) => route,
            Err(rejection) => {
                let rejected = rejection.to_error(settings, Some(started));
                return Self::Failed(Some(CallFailure::rejected(rejected)));
            }
        };
        if request.wants_reply && request.deadline.is_some_and(|deadline| deadline <= started) {
            let info = call_info(settings, Some(request.id), &request.method, Some(started));
            let failure = CallFailure::timeout(TimeoutPhase::Publish, Ran::No, info);
            return Self::Failed(Some(failure));
        }
        // The request of a call is reached through its pending reply.
        let cast = (!request.wants_reply).then(|| Arc::clone(&request));
        let (id, method) = (request.id, request.method.clone());
        let error = match (send(settings, route, request), cast) {
            (Ok(Sent { reply: Some(reply), publish }), _) => {
                let publish = publish.into_pending().map(|publish| Box::pin(publish) as _);
                return Self::Waiting(Waiting { reply, publish });
            }
            (Ok(Sent { reply: None, publish }), Some(request)) => {
                return Self::start_cast(settings, request, started, bound, publish);
            }
            (Ok(Sent { reply: None, .. }), None) => {
                let message = "transport bug: `send` returned no pending reply for a call";
                SendError::new(TransportErrorKind::MalformedReply, Ran::Unknown, message)
            }
            (Err(error), _) => error,
        };
        let info = call_info(settings, Some(id), &method, Some(started));
        Self::Failed(Some(CallFailure::transport(error, info)))
    }

    fn start_cast(
        settings: &Arc<Settings>,
        request: Arc<Request>,
        started: Instant,
        bound: Option<Instant>,
        publish: MaybeReady<Result<(), SendError>>,
    ) -> Self {
        if matches!(publish, MaybeReady::Ready(Some(Ok(())))) {
            return Self::Published(request);
        }
        let (settings, cast) = (Arc::clone(settings), Arc::clone(&request));
        let publishing = publish_cast(settings, cast, started, bound, publish);
        Self::Publishing(Box::pin(publishing), request)
    }

    // Inlined into the poll of a call. As a function of its own it costs 1 % of an in-memory call.
    #[inline(always)]
    pub(super) fn poll(
        &mut self,
        settings: &Settings,
        started: Option<Instant>,
        cx: &mut Context<'_>,
    ) -> Poll<CallResult> {
        match self {
            Self::Waiting(waiting) => Poll::Ready(match ready!(waiting.poll(cx)) {
                ReplyEvent::Outcome(Ok(payload)) => Ok(payload),
                event => Err(waiting.failure(event, settings, started)),
            }),
            Self::Publishing(publishing, request) => {
                let result = ready!(publishing.as_mut().poll(cx));
                *self = Self::Published(Arc::clone(request));
                Poll::Ready(result)
            }
            Self::Published(_) => Poll::Ready(Ok(Payload::new(settings.codec, Bytes::new()))),
            Self::Failed(failure) => match failure.take() {
                Some(failure) => Poll::Ready(Err(failure)),
                None => Poll::Pending,
            },
        }
    }

    pub(super) fn request(&self) -> Option<&Request> {
        match self {
            Self::Waiting(waiting) => Some(waiting.reply.request()),
            Self::Publishing(_, request) | Self::Published(request) => Some(request),
            Self::Failed(_) => None,
        }
    }
}

fn send(settings: &Settings, route: &Route, request: Arc<Request>) -> Result<Sent, SendError> {
    let size = request.args.len();
    if size > settings.max_message {
        let message = format!(
            "the arguments take {size} bytes, the transport carries at most {}",
            settings.max_message
        );
        return Err(SendError::new(TransportErrorKind::TooLarge, Ran::No, message));
    }
    settings.transport.send(route, request)
}

/// Waits until a cast is published.
async fn publish_cast(
    settings: Arc<Settings>,
    request: Arc<Request>,
    started: Instant,
    bound: Option<Instant>,
    publish: MaybeReady<Result<(), SendError>>,
) -> CallResult {
    let published = match bound {
        Some(bound) => timeout_at(bound, publish).await,
        None => Ok(publish.await),
    };
    let info = || call_info(&settings, Some(request.id), &request.method, Some(started));
    match published {
        Ok(Ok(())) => Ok(Payload::new(settings.codec, Bytes::new())),
        Ok(Err(error)) => Err(CallFailure::transport(error, info())),
        Err(_) => {
            let ran = request.state.cancel().ran(settings.cancel_is_exact);
            Err(CallFailure::timeout(TimeoutPhase::Publish, ran, info()))
        }
    }
}

impl Waiting {
    #[inline(always)]
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ReplyEvent> {
        // The reply first: it may arrive before the confirm of its own request.
        if let Poll::Ready(event) = self.reply.poll(cx) {
            return Poll::Ready(event);
        }
        let Some(publish) = &mut self.publish else { return Poll::Pending };
        match ready!(publish.as_mut().poll(cx)) {
            Ok(()) => {
                self.publish = None;
                Poll::Pending
            }
            Err(error) => Poll::Ready(ReplyEvent::Failed(error)),
        }
    }

    #[cold]
    fn failure(
        &self,
        event: ReplyEvent,
        settings: &Settings,
        started: Option<Instant>,
    ) -> Box<CallFailure> {
        let info = self.info(settings, started);
        let phase = match event {
            ReplyEvent::Outcome(Err(failure)) => {
                return Box::new(CallFailure::Reply(failure, info));
            }
            ReplyEvent::Failed(error) => return CallFailure::transport(error, info),
            ReplyEvent::MonitorMissed => TimeoutPhase::Monitor,
            ReplyEvent::Outcome(Ok(_)) | ReplyEvent::Expired => TimeoutPhase::Reply,
        };
        let before = self.reply.cancel();
        let phase = match phase {
            TimeoutPhase::Reply if self.publish.is_some() || before == SendState::NotSent => {
                TimeoutPhase::Publish
            }
            phase => phase,
        };
        let ran = before.ran(settings.cancel_is_exact);
        CallFailure::timeout(phase, ran, info)
    }

    fn info(&self, settings: &Settings, started: Option<Instant>) -> CallInfo {
        let request = self.reply.request();
        call_info(settings, Some(request.id), &request.method, started)
    }
}
