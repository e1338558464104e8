//! Middleware: tower layers around calls, on both sides, over one request and one response type.
//!
//! Servers and clients without layers never come here. Where there is a [serializer](crate::serializer) as well, layers see
//! what travels: a client's after it was rewritten, a server's before it is read.

mod from_fn;

use std::fmt;
use std::sync::Arc;
use std::task;

use futures_util::future::poll_fn;
use tower_layer::Layer;
use tower_service::Service;

pub use self::from_fn::{FromFn, FromFnService, Next, from_fn};
use crate::codec::Payload;
use crate::context::Context;
use crate::endpoint::BoxFuture;
use crate::message::{IdSource, Outcome, Request};

/// Any error, as tower's middleware reports it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A call on its way through the layers: read what it asks for, replace its context or its arguments.
#[derive(Clone)]
pub struct RpcRequest {
    request: Arc<Request>,
    context: Context,
    args: Option<Payload>,
    ground: Arc<dyn Ground>,
}

/// What is below all layers: on a client's side the sending, on a server's the dispatch.
pub(crate) trait Ground: Send + Sync {
    fn run(self: Arc<Self>, call: RpcRequest) -> BoxFuture<'static, Result<RpcResponse, BoxError>>;
}

impl RpcRequest {
    pub(crate) fn new(request: Arc<Request>, context: Context, ground: Arc<dyn Ground>) -> Self {
        Self { request, context, args: None, ground }
    }

    /// The request as it was made or received.
    #[must_use]
    pub fn request(&self) -> &Arc<Request> {
        &self.request
    }

    /// The method's name on the wire.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.request.method
    }

    /// The namespace; `None` is the null namespace.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.request.namespace.as_deref()
    }

    /// The context that the method will see.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Replaces the context's entries for what comes after this layer. What the context says of the call itself (its id,
    /// its deadline, its trace) stays.
    pub fn set_context(&mut self, context: Context) {
        self.context = std::mem::take(&mut self.context).with_entries(context.entries().clone());
    }

    /// The encoded arguments.
    #[must_use]
    pub fn args(&self) -> &Payload {
        self.args.as_ref().unwrap_or(&self.request.args)
    }

    /// Replaces the arguments for what comes after this layer.
    pub fn set_args(&mut self, args: Payload) {
        self.args = Some(args);
    }

    /// The request to be sent: with what layers have changed, and under an id of its own where a layer sends it again. A
    /// server would take the same id for a duplicate.
    pub(crate) fn into_message(self, ids: &IdSource) -> Arc<Request> {
        let original = Arc::clone(&self.request);
        let request = self.into_request();
        if original.progress.is_first_sending() {
            return request;
        }
        original.progress.claim();
        let mut again = request.again();
        again.id = ids.next();
        Arc::new(again)
    }

    /// The request with what layers have changed; the same one where they changed nothing.
    pub(crate) fn into_request(self) -> Arc<Request> {
        if self.args.is_none() && self.context.entries() == &self.request.entries {
            return self.request;
        }
        // Whoever holds the first one cannot know what becomes of the copy, and must not believe that nothing began.
        self.request.progress.claim();
        let mut changed = self.request.again();
        changed.entries = self.context.entries().clone();
        if let Some(args) = self.args {
            changed.args = args;
        }
        Arc::new(changed)
    }
}

impl fmt::Debug for RpcRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RpcRequest")
            .field("method", &self.request.method)
            .field("namespace", &self.request.namespace)
            .field("id", &self.request.id)
            .finish_non_exhaustive()
    }
}

/// How a call ended, on its way back through the layers.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RpcResponse {
    /// The encoded result, or the failure. A cast that was handed over is an empty result.
    pub outcome: Outcome,
}

impl From<Outcome> for RpcResponse {
    fn from(outcome: Outcome) -> Self {
        Self { outcome }
    }
}

/// Everything below a layer, as one cloneable service.
#[derive(Clone)]
pub struct RpcService(Arc<dyn Erased>);

trait Erased: Send + Sync {
    fn call_boxed(&self, request: RpcRequest) -> BoxFuture<'static, Result<RpcResponse, BoxError>>;
}

impl<S> Erased for S
where
    S: Service<RpcRequest, Response = RpcResponse> + Clone + Send + Sync + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
{
    fn call_boxed(&self, request: RpcRequest) -> BoxFuture<'static, Result<RpcResponse, BoxError>> {
        // The clone that was polled ready is the one that is called, as tower asks.
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

    /// These layers, if any, inside one more.
    pub(crate) fn layered(layer: &impl RpcLayer, inner: Option<Self>) -> Self {
        layer.wrap(inner.unwrap_or_else(|| Self::new(Bottom)))
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

/// The service below all layers.
#[derive(Clone)]
struct Bottom;

impl Service<RpcRequest> for Bottom {
    type Response = RpcResponse;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<RpcResponse, BoxError>>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> task::Poll<Result<(), BoxError>> {
        task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: RpcRequest) -> Self::Future {
        Arc::clone(&call.ground).run(call)
    }
}

impl fmt::Debug for RpcService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RpcService")
    }
}

/// A tower layer that fits around calls. Implemented for every
/// `Layer<RpcService>` whose service is `Clone + Send + Sync + 'static`.
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
