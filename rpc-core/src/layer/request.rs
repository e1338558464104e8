//! What passes through the layers: a call on its way in, its outcome on its way back.

use std::fmt;
use std::sync::Arc;

use super::error::BoxError;
use crate::codec::Payload;
use crate::context::Context;
use crate::endpoint::BoxFuture;
use crate::message::{IdSource, Outcome, Request};

/// A call on its way through the layers.
///
/// A layer can read it, and can replace its context and its arguments.
///
/// ```
/// use rpc_core::layer::{BoxError, Next, RpcRequest, RpcResponse};
///
/// async fn add_region(mut call: RpcRequest, next: Next) -> Result<RpcResponse, BoxError> {
///     let context = call.context().clone().with("region", "eu");
///     call.set_context(context);
///     next.run(call).await
/// }
/// # fn client<C: From<rpc_core::RpcClient>>(builder: rpc_core::ClientBuilder<C>) -> rpc_core::ClientBuilder<C> {
/// #     builder.layer(rpc_core::layer::from_fn(add_region))
/// # }
/// ```
#[derive(Clone)]
pub struct RpcRequest {
    request: Arc<Request>,
    context: Context,
    args: Option<Payload>,
    innermost: Arc<dyn Innermost>,
}

/// What happens below all layers: a client sends the call, a server dispatches it.
pub(crate) trait Innermost: Send + Sync {
    fn run(self: Arc<Self>, call: RpcRequest) -> BoxFuture<'static, Result<RpcResponse, BoxError>>;
}

impl RpcRequest {
    pub(crate) fn new(
        request: Arc<Request>,
        context: Context,
        innermost: Arc<dyn Innermost>,
    ) -> Self {
        Self { request, context, args: None, innermost }
    }

    pub(super) fn innermost(&self) -> &Arc<dyn Innermost> {
        &self.innermost
    }

    /// Returns the request as the client made it or the server received it.
    #[must_use]
    pub fn request(&self) -> &Arc<Request> {
        &self.request
    }

    /// Returns the method's name on the wire.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.request.method
    }

    /// Returns the namespace. `None` is the null namespace.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.request.namespace.as_deref()
    }

    /// Returns the context that the method will see.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Replaces the entries of the context for the layers below.
    ///
    /// The facts about the call itself (its id, its deadline, its trace) stay.
    pub fn set_context(&mut self, context: Context) {
        self.context = std::mem::take(&mut self.context).with_entries(context.entries().clone());
    }

    /// Returns the encoded arguments.
    #[must_use]
    pub fn args(&self) -> &Payload {
        self.args.as_ref().unwrap_or(&self.request.args)
    }

    /// Replaces the arguments for the layers below.
    pub fn set_args(&mut self, args: Payload) {
        self.args = Some(args);
    }

    /// Returns the request to send, with the changes of the layers.
    ///
    /// When a layer sends a call again, each further request gets an id of its own. A server would drop a repeated id
    /// as a duplicate.
    pub(crate) fn into_message(self, ids: &IdSource) -> Arc<Request> {
        let original = Arc::clone(&self.request);
        let request = self.into_request();
        if original.state.mark_sent_once() {
            return request;
        }
        original.state.start();
        let mut again = request.again();
        again.id = ids.next();
        Arc::new(again)
    }

    /// Returns the request with the changes of the layers. Without changes it is the same request.
    pub(crate) fn into_request(self) -> Arc<Request> {
        if self.args.is_none() && self.context.entries() == &self.request.entries {
            return self.request;
        }
        // The original does not show what becomes of the copy. Its holders must not conclude that the method never
        // started.
        self.request.state.start();
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

/// The outcome of a call, on its way back through the layers.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RpcResponse {
    /// The encoded result, or the failure. A cast that was published has an empty result.
    pub outcome: Outcome,
}

impl From<Outcome> for RpcResponse {
    fn from(outcome: Outcome) -> Self {
        Self { outcome }
    }
}
