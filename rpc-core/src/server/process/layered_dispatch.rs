//! Dispatch within a server's layers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tower_service::Service;

use super::dispatch::Dispatcher;
use crate::context::Context;
use crate::endpoint::BoxFuture;
use crate::layer::{BoxError, Innermost, RpcRequest, RpcResponse, RpcService};
use crate::message::{Failure, FailureKind, Outcome, Request};

/// Starts a request within the server's layers.
///
/// Tower's services need an owned request and dispatcher, which the fast path borrows.
pub(super) fn start_layered(
    stack: &RpcService,
    dispatcher: &Arc<Dispatcher>,
    request: &Arc<Request>,
    ctx: &Context,
) -> BoxFuture<'static, Outcome> {
    let dispatch =
        Arc::new(Dispatch { dispatcher: Arc::clone(dispatcher), started: AtomicBool::new(false) });
    let innermost: Arc<dyn Innermost> = Arc::<Dispatch>::clone(&dispatch);
    let response = stack.clone().call(RpcRequest::new(Arc::clone(request), ctx.clone(), innermost));
    Box::pin(async move {
        match response.await {
            Ok(response) => response.outcome,
            Err(error) => Err(layer_failure(&error, dispatch.started.load(Ordering::Relaxed))),
        }
    })
}

/// A server's innermost service dispatches the request, and notes that it has started.
struct Dispatch {
    dispatcher: Arc<Dispatcher>,
    started: AtomicBool,
}

impl Innermost for Dispatch {
    fn run(self: Arc<Self>, call: RpcRequest) -> BoxFuture<'static, Result<RpcResponse, BoxError>> {
        Box::pin(async move {
            self.started.store(true, Ordering::Relaxed);
            let ctx = call.context().clone();
            let request = call.into_request();
            Ok(RpcResponse::from(self.dispatcher.start(&request, &ctx).await))
        })
    }
}

/// Makes the failure for a layer's own error. The error itself is for the server's log only: a layer that wants to tell
/// the caller something returns a failure of its own.
fn layer_failure(error: &BoxError, started: bool) -> Failure {
    let (kind, message) = match started {
        true => (FailureKind::Error, "a layer of the server ended the call"),
        false => (FailureKind::Denied, "a layer of the server rejected the request"),
    };
    Failure::new(kind, "LayerError", message).with_causes(vec![error.to_string()])
}
