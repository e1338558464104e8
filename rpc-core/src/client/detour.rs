//! Calls that do not take the plain path: traced, layered, retried, and casts that have to wait.
//!
//! From the outside in: the span covers the layers, the layers cover the retries, each retry is one plain flight.

use std::future::poll_fn;
use std::sync::Arc;

use tokio::time::{Instant, sleep, timeout_at};
use tower_service::Service;
use tracing::Instrument;

use super::flight::{self, Flight, Landed, Lost, call_info, lost_in_transport};
use super::settings::Settings;
use crate::codec::Payload;
use crate::context::Context;
use crate::endpoint::BoxFuture;
use crate::error::{SendError, TimeoutPhase, TransportErrorKind};
use crate::layer::{BoxError, Ground, RpcRequest, RpcResponse};
use crate::maybe_ready::MaybeReady;
use crate::message::{Ran, Reached, Request};
use crate::trace::TraceContext;

/// Whether anybody wants a span.
pub(super) fn is_traced() -> bool {
    tracing::enabled!(target: "rpc_core::client", tracing::Level::INFO)
}

/// Gives the request a span of its own in its trace, or begins one. (A call that nobody records hands its caller's span on.)
pub(super) fn begin_trace(request: &mut Request) {
    let span = request.trace.as_deref().map_or_else(TraceContext::root, TraceContext::child);
    request.trace = Some(Box::new(span));
}

/// A call or cast with everything that the plain path leaves out.
pub(super) async fn take(
    settings: Arc<Settings>,
    request: Arc<Request>,
    started: Instant,
    bound: Option<Instant>,
) -> Landed {
    let span = if is_traced() { span(&settings, &request) } else { tracing::Span::none() };
    let recorded = span.clone();
    let call = async move {
        let Some(stack) = &settings.stack else {
            return retried(settings, request, started, bound).await;
        };
        let context = Context::new().with_entries(request.entries.clone());
        let ground: Arc<dyn Ground> = Arc::<Settings>::clone(&settings);
        let call = RpcRequest::new(Arc::clone(&request), context, ground);
        let response = stack.clone().call(call);
        let ended = match bound {
            Some(bound) => timeout_at(bound, response).await,
            None => Ok(response.await),
        };
        let info = call_info(&settings, Some(request.id), &request.method, Some(started));
        match ended {
            Ok(Ok(response)) => {
                response.outcome.map_err(|failure| Box::new(Lost::Failure(failure, info)))
            }
            Ok(Err(error)) => match error.downcast::<Carried>() {
                Ok(carried) => Err(carried.0),
                Err(error) => {
                    let ran = request.progress.cancel().ran(settings.cancel_is_exact);
                    Err(lost_in_a_layer(&error, ran, info))
                }
            },
            Err(_) => {
                let reached = request.progress.cancel();
                let phase = match reached {
                    Reached::Made => TimeoutPhase::Publish,
                    Reached::Sent | Reached::Claimed => TimeoutPhase::Reply,
                };
                let error = flight::timeout(phase, reached.ran(settings.cancel_is_exact), info);
                Err(Box::new(Lost::Error(error)))
            }
        }
    };
    let landed = call.instrument(span).await;
    if let Err(lost) = &landed {
        recorded.record("error.type", lost.class());
    }
    landed
}

/// A cast whose hand-over may still be under way.
pub(super) async fn cast(
    settings: Arc<Settings>,
    request: Arc<Request>,
    started: Instant,
    bound: Option<Instant>,
    publish: MaybeReady<Result<(), SendError>>,
) -> Landed {
    let ended = match bound {
        Some(bound) => timeout_at(bound, publish).await,
        None => Ok(publish.await),
    };
    match ended {
        Ok(Ok(())) => Ok(Payload::new(settings.codec, Vec::new())),
        Ok(Err(error)) => {
            let info = call_info(&settings, Some(request.id), &request.method, Some(started));
            Err(lost_in_transport(error, info))
        }
        Err(_) => {
            let info = call_info(&settings, Some(request.id), &request.method, Some(started));
            let ran = request.progress.cancel().ran(settings.cancel_is_exact);
            Err(Box::new(Lost::Error(flight::timeout(TimeoutPhase::Publish, ran, info))))
        }
    }
}

/// One flight, and others after it while nothing ran and time is left. A cast has no deadline of its own, only `bound`.
async fn retried(
    settings: Arc<Settings>,
    request: Arc<Request>,
    started: Instant,
    bound: Option<Instant>,
) -> Landed {
    let mut attempt = 0;
    let original = Arc::clone(&request);
    let mut request = request;
    loop {
        let again = (!settings.retry.is_never()).then(|| Arc::new(request.again()));
        let mut flight = Flight::plain(Arc::clone(&settings), request, started, bound);
        let landed = poll_fn(|cx| flight.poll(cx)).await;
        let (Err(lost), Some(next)) = (&landed, again) else { return landed };
        let Lost::Error(error) = &**lost else { return landed };
        let Some(pause) = settings.retry.pause_after(attempt) else { return landed };
        let last = [bound, next.deadline].into_iter().flatten().min();
        let in_time = last.is_none_or(|last| Instant::now() + pause < last);
        if !error.may_retry() || !in_time {
            return landed;
        }
        tracing::debug!(target: "rpc_core::client", id = %next.id, attempt, ?pause, %error, "sending again");
        sleep(pause).await;
        // Whoever holds the original, above the layers, cannot know from it what becomes of the copy.
        original.progress.claim();
        request = next;
        attempt += 1;
    }
}

/// What is below a client's layers: the sending.
impl Ground for Settings {
    fn run(self: Arc<Self>, call: RpcRequest) -> BoxFuture<'static, Result<RpcResponse, BoxError>> {
        Box::pin(send(self, call))
    }
}

async fn send(settings: Arc<Settings>, call: RpcRequest) -> Result<RpcResponse, BoxError> {
    let request = call.into_message(&settings.ids);
    // What is above the layers minds the time.
    match retried(settings, request, Instant::now(), None).await {
        Ok(payload) => Ok(RpcResponse::from(Ok(payload))),
        Err(lost) => match *lost {
            Lost::Failure(failure, _) => Ok(RpcResponse::from(Err(failure))),
            error @ Lost::Error(_) => Err(Box::new(Carried(Box::new(error)))),
        },
    }
}

/// Our own error on its way out through layers that know only boxed errors.
struct Carried(Box<Lost>);

impl std::fmt::Debug for Carried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::fmt::Display for Carried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &*self.0 {
            Lost::Failure(failure, _) => failure.fmt(f),
            Lost::Error(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Carried {}

fn lost_in_a_layer(error: &BoxError, ran: Ran, info: crate::error::CallInfo) -> Box<Lost> {
    let message = format!("a layer of the client ended the call: {error}");
    lost_in_transport(SendError::new(TransportErrorKind::Layer, ran, message), info)
}

/// The client's span, named and labelled as OpenTelemetry's RPC conventions have it. By the request's trace context the
/// server's span finds it.
fn span(settings: &Settings, request: &Request) -> tracing::Span {
    let trace = request.trace.as_ref();
    tracing::info_span!(
        target: "rpc_core::client",
        "rpc.call",
        otel.kind = if request.wants_reply { "client" } else { "producer" },
        rpc.system.name = "oslo",
        rpc.method = %request.method,
        rpc.namespace = request.namespace.as_deref(),
        rpc.target = %settings.target,
        messaging.message.id = %request.id,
        trace_id = trace.map(|trace| format!("{:032x}", trace.trace_id())),
        span_id = trace.map(|trace| format!("{:016x}", trace.span_id())),
        error.type = tracing::field::Empty,
    )
}
