//! The client's span of a call, and its trace context.

use tracing::{Level, Span, field};

use super::settings::Settings;
use crate::message::Request;
use crate::trace::TraceContext;

/// Returns whether a subscriber wants spans of calls.
pub(super) fn is_enabled() -> bool {
    tracing::enabled!(target: "rpc_core::client", Level::INFO)
}

/// Gives the request a span id of its own in the caller's trace, or starts a trace.
///
/// A call without a recorded span sends its caller's span id instead.
pub(super) fn continue_trace(request: &mut Request) {
    let trace = request.trace.as_deref().map_or_else(TraceContext::root, TraceContext::child);
    request.trace = Some(Box::new(trace));
}

/// Creates the span of a call, with the names and attributes of OpenTelemetry's RPC conventions.
///
/// The trace context of the request connects it with the server's span.
pub(super) fn call_span(settings: &Settings, request: &Request) -> Span {
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
        error.type = field::Empty,
    )
}
