//! The stack of layers as one service.

use std::fmt;
use std::sync::Arc;
use std::task;

use futures_util::future::poll_fn;
use tower_layer::Layer;
use tower_service::Service;

use super::error::BoxError;
use super::request::{RpcRequest, RpcResponse};
use crate::endpoint::BoxFuture;

/// Everything below a layer, as one cloneable service.
#[derive(Clone)]
pub struct RpcService(Arc<dyn BoxedService>);

/// A service with its type and the type of its future erased.
trait BoxedService: Send + Sync {
    fn call_boxed(&self, request: RpcRequest) -> BoxFuture<'static, Result<RpcResponse, BoxError>>;
}

impl<S> BoxedService for S
where
    S: Service<RpcRequest, Response = RpcResponse> + Clone + Send + Sync + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
{
    fn call_boxed(&self, request: RpcRequest) -> BoxFuture<'static, Result<RpcResponse, BoxError>> {
        // Tower requires that the clone that was polled ready is the one that is called.
        let mut service = self.clone();
        Box::pin(async move {
            poll_fn(|cx| service.poll_ready(cx)).await.map_err(Into::into)?;
            service.call(request).await.map_err(Into::into)
        })
    }
}

impl RpcService {
    pub(crate) fn new<S>(service: S) -> Self
    where
        S: Service<RpcRequest, Response = RpcResponse> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send,
    {
        Self(Arc::new(service))
    }

    /// Wraps a stack, or the innermost service where there is none yet, into one more layer.
    pub(crate) fn layered(layer: &impl RpcLayer, inner: Option<Self>) -> Self {
        layer.wrap(inner.unwrap_or_else(|| Self::new(InnermostService)))
    }
}

impl Service<RpcRequest> for RpcService {
    type Response = RpcResponse;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<RpcResponse, BoxError>>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> task::Poll<Result<(), BoxError>> {
        task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: RpcRequest) -> Self::Future {
        self.0.call_boxed(request)
    }
}

impl fmt::Debug for RpcService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RpcService")
    }
}

/// The service below all layers. It runs the call's own `Innermost`, so that one stack serves all calls.
#[derive(Clone)]
struct InnermostService;

impl Service<RpcRequest> for InnermostService {
    type Response = RpcResponse;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<RpcResponse, BoxError>>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> task::Poll<Result<(), BoxError>> {
        task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: RpcRequest) -> Self::Future {
        Arc::clone(call.innermost()).run(call)
    }
}

/// A tower layer that fits around calls.
///
/// Implemented for every `Layer<RpcService>` whose service is `Clone + Send + Sync + 'static`. See
/// [`from_fn`](super::from_fn) for an example.
pub trait RpcLayer: sealed::Sealed {
    #[doc(hidden)]
    fn wrap(&self, inner: RpcService) -> RpcService;
}

impl<L> RpcLayer for L
where
    L: Layer<RpcService>,
    L::Service: Service<RpcRequest, Response = RpcResponse> + Clone + Send + Sync + 'static,
    <L::Service as Service<RpcRequest>>::Error: Into<BoxError>,
    <L::Service as Service<RpcRequest>>::Future: Send,
{
    fn wrap(&self, inner: RpcService) -> RpcService {
        RpcService::new(self.layer(inner))
    }
}

mod sealed {
    pub trait Sealed {}
    impl<L: tower_layer::Layer<super::RpcService>> Sealed for L {}
}
