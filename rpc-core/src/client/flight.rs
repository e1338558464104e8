//! One call from its first poll to its end, without regard to the types of its result.
//!
//! Everything that can be done without waiting is done in plain functions; the future itself is a few words. An `async
//! fn` in its place would keep room for every branch, and the size of this future decides the speed of a call.

use std::borrow::Cow;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use super::detour;
use super::settings::Settings;
use crate::codec::{Codec, Payload};
use crate::context::{Context, ContextEntries};
use crate::endpoint::BoxFuture;
use crate::error::{
    CallError, CallInfo, RejectReason, Rejected, RemoteError, SendError, Timeout, TimeoutPhase,
    TransportError, TransportErrorKind,
};
use crate::maybe_ready::MaybeReady;
use crate::message::{Failure, FailureKind, MessageId, Progress, Ran, Request};
use crate::pending_calls::{PendingReply, ReplyEvent};
use crate::serializer;
use crate::target::TargetChange;
use crate::transport::{Destination, Route, Sent};
use crate::version::Version;

/// What a call asks for, before it becomes a request.
pub(super) struct Draft {
    pub(super) namespace: Option<Cow<'static, str>>,
    pub(super) method: Cow<'static, str>,
    /// The version that the arguments need, where the caller knows.
    pub(super) needs: Option<Version>,
}

/// Why there is no result. Boxed: good calls should not pay for it.
pub(crate) enum Lost {
    /// The server says so.
    Failure(Failure, CallInfo),
    /// Anything else.
    Error(CallError),
}

impl Lost {
    /// One word for the log: OpenTelemetry's `error.type`.
    pub(super) fn class(&self) -> &str {
        match self {
            Self::Failure(failure, _) => failure.class(),
            Self::Error(CallError::Rejected(_)) => "refused",
            Self::Error(CallError::Transport(_)) => "transport",
            Self::Error(CallError::Timeout(_)) => "timeout",
            Self::Error(_) => "remote",
        }
    }
}

pub(crate) type Landed = Result<Payload, Box<Lost>>;

pub(crate) struct Flight {
    pub(super) settings: Arc<Settings>,
    pub(super) timeout: Duration,
    /// The deadline of the context that the call was made with.
    inherited: Option<Instant>,
    /// When a cast loses its worth; calls have their deadline.
    pub(super) expires_after: Option<Duration>,
    started: Option<Instant>,
    /// The caller's own entries, where a serializer may have changed those of the request.
    pub(super) entries: ContextEntries,
    stage: Stage,
}

enum Stage {
    Rejected(Box<Refusing>),
    Ready(Arc<Request>),
    Flying {
        reply: PendingReply,
        publish: Option<BoxFuture<'static, Result<(), SendError>>>,
    },
    /// A cast that is done.
    HandedOver(Arc<Request>),
    Detour {
        future: BoxFuture<'static, Landed>,
        request: Arc<Request>,
    },
    /// Never left, as the transport would not have it.
    Failed(Box<Lost>),
    /// Ended; the request is kept for what is still to be said of it.
    Landed(Option<Arc<Request>>),
}

impl Flight {
    #[inline]
    pub(super) fn prepare(settings: &Arc<Settings>, ctx: &Context, made: Made) -> Self {
        Self {
            settings: Arc::clone(settings),
            timeout: settings.timeout,
            inherited: ctx.deadline(),
            expires_after: None,
            started: None,
            entries: ctx.entries().clone(),
            stage: match made {
                Ok(request) => Stage::Ready(request),
                Err(refusing) => Stage::Rejected(refusing),
            },
        }
    }

    /// A flight that takes the plain path in any case; its request has its deadline, and `bound` is that of a cast.
    pub(super) fn plain(
        settings: Arc<Settings>,
        request: Arc<Request>,
        started: Instant,
        bound: Option<Instant>,
    ) -> Self {
        let mut flight = Self {
            settings,
            // The bound has it in it.
            timeout: Duration::MAX,
            inherited: bound,
            expires_after: None,
            started: Some(started),
            entries: ContextEntries::default(),
            stage: Stage::Landed(None),
        };
        flight.stage = flight.send(request);
        flight
    }

    /// Turns an unsent call into a cast.
    pub(super) fn make_cast(&mut self) {
        if let Some(request) = self.unsent() {
            request.wants_reply = false;
            request.monitor = None;
        }
    }

    /// Sends to another target than the client's.
    pub(super) fn retarget(&mut self, change: TargetChange) {
        let mut settings = (*self.settings).clone();
        let target = settings.target.replace(change);
        settings.set_target(target);
        self.settings = Arc::new(settings);
    }

    /// The request, while it is nobody else's.
    pub(super) fn unsent(&mut self) -> Option<&mut Request> {
        match &mut self.stage {
            Stage::Ready(request) => Arc::get_mut(request),
            _ => None,
        }
    }

    pub(crate) fn poll(&mut self, cx: &mut TaskContext<'_>) -> Poll<Landed> {
        if matches!(self.stage, Stage::Ready(_) | Stage::Rejected(_)) {
            self.launch();
        }
        match &mut self.stage {
            Stage::Flying { reply, publish } => {
                Poll::Ready(match ready!(poll_flying(reply, publish, cx)) {
                    ReplyEvent::Outcome(Ok(payload)) => Ok(payload),
                    event => Err(self.lost(event)),
                })
            }
            Stage::HandedOver(_) => Poll::Ready(Ok(Payload::new(self.settings.codec, Vec::new()))),
            Stage::Detour { future, request } => {
                let landed = ready!(future.as_mut().poll(cx));
                self.stage = Stage::Landed(Some(Arc::clone(request)));
                Poll::Ready(landed)
            }
            Stage::Rejected(refused) => {
                let Refusing { reason, message, method } = &**refused;
                let info = call_info(&self.settings, None, method, self.started);
                let refused = CallError::Rejected(Rejected::new(reason.clone(), message, info));
                self.stage = Stage::Landed(None);
                Poll::Ready(Err(Box::new(Lost::Error(refused))))
            }
            Stage::Failed(_) => match std::mem::replace(&mut self.stage, Stage::Landed(None)) {
                Stage::Failed(lost) => Poll::Ready(Err(lost)),
                _ => Poll::Pending,
            },
            Stage::Ready(_) | Stage::Landed(_) => Poll::Pending,
        }
    }

    /// Sets the deadline and sends, on the plain path or on the other.
    fn launch(&mut self) {
        let now = Instant::now();
        self.started = Some(now);
        let Stage::Ready(request) = &mut self.stage else { return };
        let bound = now.checked_add(self.timeout);
        let bound = [bound, self.inherited].into_iter().flatten().min();
        if let Some(request) = Arc::get_mut(request) {
            request.deadline = match request.wants_reply {
                true => bound,
                false => self.expires_after.and_then(|worth| now.checked_add(worth)),
            };
            request.monitor = request.monitor.map(|it| it.max(self.settings.min_monitor));
            if detour::is_traced() {
                detour::begin_trace(request);
            }
        }
        let ready = std::mem::replace(&mut self.stage, Stage::Landed(None));
        let Stage::Ready(request) = ready else { return };
        self.stage = if let Some(refused) = self.refuse(&request) {
            refused
        } else if self.settings.is_plain() && !detour::is_traced() {
            self.send(request)
        } else {
            let settings = Arc::clone(&self.settings);
            let future = Box::pin(detour::take(settings, Arc::clone(&request), now, bound));
            Stage::Detour { future, request }
        };
    }

    /// What cannot be sent at all: refused before anything leaves.
    fn refuse(&self, request: &Request) -> Option<Stage> {
        let target = &self.settings.target;
        let message = match &self.settings.route {
            None => format!("a topic is required to send: {target}"),
            Some(route) if request.wants_reply && route.destination == Destination::Fanout => {
                format!("a call cannot be answered by a fanout, cast instead: {target}")
            }
            Some(_) => return None,
        };
        let (reason, method) = (RejectReason::InvalidTarget, request.method.clone());
        Some(Stage::Rejected(Box::new(Refusing { reason, message, method })))
    }

    fn send(&self, request: Arc<Request>) -> Stage {
        let Some(route) = &self.settings.route else { return Stage::Landed(None) };
        // The request of a call is found with its reply.
        let cast = (!request.wants_reply).then(|| Arc::clone(&request));
        let (id, method) = (request.id, request.method.clone());
        let sent = match transport_send(&self.settings, route, request) {
            Ok(Sent { reply: Some(reply), publish }) => {
                return match publish.into_pending() {
                    None => Stage::Flying { reply, publish: None },
                    Some(publish) => Stage::Flying { reply, publish: Some(Box::pin(publish)) },
                };
            }
            Ok(Sent { reply: None, publish }) => match cast {
                Some(request) => Ok((request, publish)),
                None => {
                    let message = "the transport does not wait for answers to calls";
                    Err(SendError::new(TransportErrorKind::MalformedReply, Ran::Unknown, message))
                }
            },
            Err(error) => Err(error),
        };
        match sent {
            Ok((request, MaybeReady::Ready(Some(Ok(()))))) => Stage::HandedOver(request),
            Ok((request, publish)) => {
                let settings = Arc::clone(&self.settings);
                let started = self.started.unwrap_or_else(Instant::now);
                let bound = started.checked_add(self.timeout);
                let bound = [bound, self.inherited].into_iter().flatten().min();
                let cast = Arc::clone(&request);
                let future = Box::pin(detour::cast(settings, cast, started, bound, publish));
                Stage::Detour { future, request }
            }
            Err(error) => {
                let info = call_info(&self.settings, Some(id), &method, self.started);
                Stage::Failed(lost_in_transport(error, info))
            }
        }
    }

    /// What there is to say of the call.
    pub(super) fn info(&self) -> CallInfo {
        let request = match &self.stage {
            Stage::Ready(request) | Stage::HandedOver(request) | Stage::Detour { request, .. } => {
                Some(&**request)
            }
            Stage::Flying { reply, .. } => Some(&**reply.request()),
            Stage::Landed(request) => request.as_deref(),
            Stage::Rejected(_) | Stage::Failed(_) => None,
        };
        let method = request.map_or("", |request| &request.method);
        call_info(&self.settings, request.map(|request| request.id), method, self.started)
    }
}

fn transport_send(
    settings: &Settings,
    route: &Route,
    request: Arc<Request>,
) -> Result<Sent, SendError> {
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

fn poll_flying(
    reply: &mut PendingReply,
    publish: &mut Option<BoxFuture<'static, Result<(), SendError>>>,
    cx: &mut TaskContext<'_>,
) -> Poll<ReplyEvent> {
    // PendingReply first: one that overtook its own confirmation counts.
    if let Poll::Ready(event) = reply.poll(cx) {
        return Poll::Ready(event);
    }
    let Some(future) = publish else { return Poll::Pending };
    match ready!(future.as_mut().poll(cx)) {
        Ok(()) => {
            *publish = None;
            Poll::Pending
        }
        Err(error) => Poll::Ready(ReplyEvent::Failed(error)),
    }
}

impl Flight {
    #[cold]
    fn lost(&self, event: ReplyEvent) -> Box<Lost> {
        let info = self.info();
        let Stage::Flying { reply, publish } = &self.stage else {
            // Only flying calls see events; one without its stage would still be answered.
            return Box::new(Lost::Error(timeout(TimeoutPhase::Reply, Ran::Unknown, info)));
        };
        let phase = match event {
            ReplyEvent::Outcome(Ok(_)) | ReplyEvent::Expired if publish.is_some() => {
                TimeoutPhase::Publish
            }
            ReplyEvent::Outcome(Ok(_)) | ReplyEvent::Expired => TimeoutPhase::Reply,
            ReplyEvent::MonitorMissed => TimeoutPhase::Monitor,
            ReplyEvent::Outcome(Err(failure)) => return Box::new(Lost::Failure(failure, info)),
            ReplyEvent::Failed(error) => return lost_in_transport(error, info),
        };
        let ran = reply.give_up().ran(self.settings.cancel_is_exact);
        Box::new(Lost::Error(timeout(phase, ran, info)))
    }
}

pub(super) fn timeout(phase: TimeoutPhase, ran: Ran, info: CallInfo) -> CallError {
    CallError::Timeout(Timeout::new(phase, ran, info))
}

pub(super) fn lost_in_transport(error: SendError, info: CallInfo) -> Box<Lost> {
    Box::new(Lost::Error(CallError::Transport(TransportError::new(error, info))))
}

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

/// The error for a failure that is none of the call's expected ones.
pub(super) fn unexpected(failure: Failure, info: CallInfo) -> CallError {
    match failure.kind() {
        FailureKind::Expired => timeout(TimeoutPhase::Reply, Ran::No, info),
        FailureKind::Overloaded => {
            let message = failure.message().to_owned();
            let error = SendError::new(TransportErrorKind::Overloaded, Ran::No, message);
            CallError::Transport(TransportError::new(error, info))
        }
        FailureKind::Interrupted => {
            let error = SendError::new(
                TransportErrorKind::Interrupted,
                Ran::Unknown,
                failure.message().to_owned(),
            );
            CallError::Transport(TransportError::new(error, info))
        }
        _ => match Rejected::from_failure(&failure, info.clone()) {
            Some(refused) => CallError::Rejected(refused),
            None => CallError::Remote(RemoteError::new(failure, info)),
        },
    }
}

/// Encodes the arguments of an untyped call; `()` is a call without arguments.
pub(super) fn encode_map(
    codec: Codec,
    args: &(impl Serialize + ?Sized),
) -> Result<Vec<u8>, String> {
    let bytes = codec.encode(args).map_err(|error| error.to_string())?;
    let (is_map, is_nothing) = match codec {
        Codec::MessagePack => {
            (matches!(bytes.first(), Some(0x80..=0x8f | 0xde | 0xdf)), bytes == [0xc0])
        }
        Codec::Json => (bytes.first() == Some(&b'{'), bytes == b"null"),
    };
    match (is_map, is_nothing) {
        (true, _) => Ok(bytes),
        (_, true) => Ok(if codec == Codec::Json { b"{}".to_vec() } else { vec![0x80] }),
        _ => Err("arguments travel by name: pass a struct or a map with one field for each, or \
                  `()` for none"
            .to_owned()),
    }
}

/// A request to be sent, or why there is none: two words, so that they can be handed on as they are.
pub(super) type Made = Result<Arc<Request>, Box<Refusing>>;

/// Why a call was not made.
pub(super) struct Refusing {
    reason: RejectReason,
    message: String,
    method: Cow<'static, str>,
}

#[cold]
pub(super) fn unencodable(method: Cow<'static, str>, message: &str) -> Made {
    let message = format!("the arguments cannot be encoded: {message}");
    Err(Box::new(Refusing { reason: RejectReason::InvalidArguments, message, method }))
}

pub(super) fn make_request(
    settings: &Settings,
    ctx: &Context,
    draft: Draft,
    args: Vec<u8>,
) -> Made {
    let mut args = Payload::new(settings.codec, args);
    let mut entries = ctx.entries().clone();
    if let Some(serializer) = &settings.serializer {
        match serializer::outgoing(&**serializer, &entries, &args, &settings.limits) {
            Ok(outgoing) => (entries, args) = outgoing,
            Err(error) => {
                let (reason, message) = (RejectReason::InvalidArguments, error.to_string());
                return Err(Box::new(Refusing { reason, message, method: draft.method }));
            }
        }
    }
    let version = settings.target.version.or(draft.needs);
    if let Some(cap) = settings.version_cap
        && !Version::serves_maybe(Some(cap), version)
    {
        let requested = version.unwrap_or(Version::V1_0);
        let message = format!(
            "version {requested} is not within the version cap {cap}: majors must be equal, the \
             rest not newer"
        );
        let reason = RejectReason::VersionCap { requested, cap };
        return Err(Box::new(Refusing { reason, message, method: draft.method }));
    }
    Ok(Arc::new(Request {
        id: settings.ids.next(),
        namespace: settings.target.namespace.clone().or(draft.namespace),
        method: draft.method,
        version: version.unwrap_or(Version::V1_0),
        entries,
        trace: ctx.trace().map(|trace| Box::new(trace.clone())),
        args,
        deadline: None,
        monitor: settings.monitor,
        wants_reply: true,
        progress: Progress::default(),
    }))
}
