//! Calls with a span, layers or retries.
//!
//! From the outside in: the span covers the layers, the layers cover the retries, and each retry is one
//! [`Attempt`](super::attempt::Attempt).

use std::sync::Arc;

use tokio::time::{Instant, timeout_at};
use tower_service::Service;
use tracing::{Instrument, Span};

use super::failure::{CallFailure, CallResult, call_info};
use super::retry::send_with_retries;
use super::settings::Settings;
use super::span;
use crate::context::Context;
use crate::endpoint::BoxFuture;
use crate::error::{SendError, TimeoutPhase, TransportErrorKind};
use crate::layer::{BoxError, Innermost, InnermostError, RpcRequest, RpcResponse, RpcService};
use crate::message::{Request, SendState};

/// Runs a call or cast with its span, its layers and its retries.
pub(super) async fn run_layered(
    settings: Arc<Settings>,
    request: Arc<Request>,
    started: Instant,
    bound: Option<Instant>,
) -> CallResult {
    let span = match span::is_enabled() {
        true => span::call_span(&settings, &request),
        false => Span::none(),
    };
    let recorded = span.clone();
    let call = async move {
        match &settings.stack {
            Some(stack) => run_stack(stack, &settings, request, started, bound).await,
            None => send_with_retries(&settings, request, started, bound).await,
        }
    };
    let result = call.instrument(span).await;
    if let Err(failure) = &result {
        recorded.record("error.type", failure.class());
    }
    result
}

/// Runs a call through the client's layers.
async fn run_stack(
    stack: &RpcService,
    settings: &Arc<Settings>,
    request: Arc<Request>,
    started: Instant,
    bound: Option<Instant>,
) -> CallResult {
    let context = Context::new().with_entries(request.entries.clone());
    let innermost: Arc<dyn Innermost> = Arc::<Settings>::clone(settings);
    let call = RpcRequest::new(Arc::clone(&request), context, innermost);
    let response = stack.clone().call(call);
    let response = match bound {
        Some(bound) => timeout_at(bound, response).await,
        None => Ok(response.await),
    };
    let info = call_info(settings, Some(request.id), &request.method, Some(started));
    match response {
        Ok(Ok(response)) => {
            response.outcome.map_err(|failure| Box::new(CallFailure::Reply(failure, info)))
        }
        Ok(Err(error)) => Err(match error.downcast::<InnermostError>() {
            Ok(innermost) => Box::new(CallFailure::Error(innermost.into_call_error())),
            Err(error) => {
                let ran = request.state.cancel().ran(settings.cancel_is_exact);
                let message = format!("a layer of the client ended the call: {error}");
                let error = SendError::new(TransportErrorKind::Layer, ran, message);
                CallFailure::transport(error, info)
            }
        }),
        Err(_) => {
            let reached = request.state.cancel();
            let phase = match reached {
                SendState::NotSent => TimeoutPhase::Publish,
                SendState::Sent | SendState::Started => TimeoutPhase::Reply,
            };
            Err(CallFailure::timeout(phase, reached.ran(settings.cancel_is_exact), info))
        }
    }
}

/// A client's innermost service sends the request.
impl Innermost for Settings {
    fn run(self: Arc<Self>, call: RpcRequest) -> BoxFuture<'static, Result<RpcResponse, BoxError>> {
        Box::pin(async move {
            let request = call.into_message(&self.ids);
            // The time-out is outside the layers.
            match send_with_retries(&self, request, Instant::now(), None).await {
                Ok(payload) => Ok(RpcResponse::from(Ok(payload))),
                Err(failure) => match *failure {
                    CallFailure::Reply(failure, _) => Ok(RpcResponse::from(Err(failure))),
                    CallFailure::Error(error) => Err(Box::new(InnermostError::new(error)) as _),
                },
            }
        })
    }
}
