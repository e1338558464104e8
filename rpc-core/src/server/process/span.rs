//! The server's span of a request.

use tracing::{Level, Span, field};

use crate::message::Request;
use crate::untrusted::Untrusted;

/// Creates the span of a request, with the names and attributes of OpenTelemetry's RPC conventions, in the caller's
/// trace. Returns `None` where no subscriber wants it.
pub(super) fn request_span(request: &Request) -> Option<Span> {
    if !tracing::enabled!(target: "rpc_core::server", Level::INFO) {
        return None;
    }
    let trace = request.trace.as_ref();
    Some(tracing::info_span!(
        target: "rpc_core::server",
        "rpc.serve",
        otel.kind = if request.wants_reply { "server" } else { "consumer" },
        rpc.system.name = "oslo",
        rpc.method = %Untrusted(&request.method),
        rpc.namespace = request.namespace.as_deref().map(|name| field::display(Untrusted(name))),
        messaging.message.id = %request.id,
        trace_id = trace.map(|trace| format!("{:032x}", trace.trace_id())),
        parent_span_id = trace.map(|trace| format!("{:016x}", trace.span_id())),
        error.type = field::Empty,
    ))
}
