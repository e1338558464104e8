//! Layers from functions.

use std::fmt;
use std::task;

use tower_layer::Layer;
use tower_service::Service;

use super::{BoxError, RpcRequest, RpcResponse, RpcService};
use crate::endpoint::BoxFuture;

/// Creates a layer from an async function of the call and of the [`Next`] service.
///
/// A closure works as well; what it captures is cloned into the future of each call. For everything else implement
/// tower's [`Layer`] and [`Service`].
///
/// ```
/// use rpc_core::layer::{BoxError, Next, RpcRequest, RpcResponse, from_fn};
/// use rpc_core::server::ServerBuilder;
/// use rpc_core::{Failure, FailureKind};
///
/// async fn only_ada(call: RpcRequest, next: Next) -> Result<RpcResponse, BoxError> {
///     if call.context().get_str("user") == Some("ada") {
///         return next.run(call).await;
///     }
///     let denied = Failure::new(FailureKind::Denied, "Forbidden", "only ada may call this server");
///     Ok(RpcResponse::from(Err(denied)))
/// }
///
/// fn guarded(server: ServerBuilder) -> ServerBuilder {
///     server.layer(from_fn(only_ada))
/// }
/// ```
pub fn from_fn<F, R>(function: F) -> FromFn<F>
where
    F: Fn(RpcRequest, Next) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<RpcResponse, BoxError>> + Send + 'static,
{
    FromFn(function)
}

/// A layer made by [`from_fn`].
#[derive(Clone)]
pub struct FromFn<F>(F);

/// The service of a layer made by [`from_fn`].
#[derive(Clone)]
pub struct FromFnService<F> {
    function: F,
    next: RpcService,
}

/// What is below a layer: the next layer, and in the end the method, or on a client the sending.
#[derive(Debug, Clone)]
pub struct Next(RpcService);

impl Next {
    /// Runs the call through the layers below.
    ///
    /// # Errors
    ///
    /// Returns the error of the layers below. A client's innermost error is an [`InnermostError`](super::InnermostError).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call, as dropping the call itself does.
    pub async fn run(mut self, call: RpcRequest) -> Result<RpcResponse, BoxError> {
        self.0.call(call).await
    }
}

impl<F: Clone> Layer<RpcService> for FromFn<F> {
    type Service = FromFnService<F>;

    fn layer(&self, next: RpcService) -> FromFnService<F> {
        FromFnService { function: self.0.clone(), next }
    }
}

impl<F, R> Service<RpcRequest> for FromFnService<F>
where
    F: Fn(RpcRequest, Next) -> R,
    R: Future<Output = Result<RpcResponse, BoxError>> + Send + 'static,
{
    type Response = RpcResponse;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<RpcResponse, BoxError>>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> task::Poll<Result<(), BoxError>> {
        task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: RpcRequest) -> Self::Future {
        Box::pin((self.function)(call, Next(self.next.clone())))
    }
}

impl<F> fmt::Debug for FromFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FromFn")
    }
}

impl<F> fmt::Debug for FromFnService<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromFnService").field("next", &self.next).finish_non_exhaustive()
    }
}
