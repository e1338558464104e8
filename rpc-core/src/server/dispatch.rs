//! From a request to the outcome of its method: policy, look-up, serializer, invocation.

use std::future::ready;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use super::inside::{Inside, ServerId};
use crate::codec::DecodeLimits;
use crate::context::Context;
use crate::endpoint::{BoxFuture, EncodedArgs};
use crate::message::{Failure, FailureKind, Outcome, Request};
use crate::registry::{Found, Registry};
use crate::serializer::{self, Serializer, SerializerError};

/// Decides who may call what, on top of `pub`.
///
/// A method that it refuses is answered as if it were not there, as in oslo.messaging. Every
/// `Fn(&Context, Option<&str>, &str) -> bool` is a policy.
///
/// ```
/// use rpc_core::{Context, server::AccessPolicy};
///
/// fn only_admins_close(ctx: &Context, _namespace: Option<&str>, method: &str) -> bool {
///     method != "close" || ctx.get_str("role") == Some("admin")
/// }
/// # fn is_policy(_: impl AccessPolicy) {}
/// # is_policy(only_admins_close);
/// ```
pub trait AccessPolicy: Send + Sync + 'static {
    /// Whether the caller may call the method in the namespace (`None` is the null namespace).
    fn allows(&self, ctx: &Context, namespace: Option<&str>, method: &str) -> bool;
}

impl<F> AccessPolicy for F
where
    F: Fn(&Context, Option<&str>, &str) -> bool + Send + Sync + 'static,
{
    fn allows(&self, ctx: &Context, namespace: Option<&str>, method: &str) -> bool {
        self(ctx, namespace, method)
    }
}

/// Everything that decides what a request runs.
pub(crate) struct Dispatcher {
    pub(crate) registry: Registry,
    pub(crate) limits: DecodeLimits,
    pub(crate) policy: Option<Box<dyn AccessPolicy>>,
    pub(crate) serializer: Option<Arc<dyn Serializer>>,
}

impl Dispatcher {
    /// The method's future, or the refusal as a future that is done.
    pub(crate) fn begin<'a>(
        &'a self,
        request: &'a Request,
        ctx: &'a Context,
    ) -> BoxFuture<'a, Outcome> {
        match (&self.serializer, &self.policy) {
            (None, None) => match self.find(request, ctx) {
                Ok(found) => self.invoke(&found, request, ctx),
                Err(failure) => Box::pin(ready(Err(failure))),
            },
            // The user's code runs within a future, where its panics are answered.
            (None, Some(_)) => Box::pin(async move {
                let found = self.find(request, ctx)?;
                self.invoke(&found, request, ctx).await
            }),
            (Some(serializer), _) => Box::pin(self.serialized(&**serializer, request, ctx)),
        }
    }

    fn invoke<'a>(
        &'a self,
        found: &Found<'a>,
        request: &'a Request,
        ctx: &'a Context,
    ) -> BoxFuture<'a, Outcome> {
        let (codec, bytes) = (request.args.codec(), request.args.bytes());
        found.host.invoke(found.method, ctx, EncodedArgs { codec, bytes, limits: &self.limits })
    }

    fn find(&self, request: &Request, ctx: &Context) -> Result<Found<'_>, Failure> {
        let namespace = request.namespace.as_deref();
        self.registry.find(namespace, &request.method, request.version, || {
            let policy = self.policy.as_ref();
            policy.is_none_or(|policy| policy.allows(ctx, namespace, &request.method))
        })
    }

    async fn serialized(
        &self,
        serializer: &dyn Serializer,
        request: &Request,
        ctx: &Context,
    ) -> Outcome {
        let limits = &self.limits;
        let (entries, args) =
            serializer::incoming(serializer, ctx.entries(), &request.args, limits)
                .map_err(|error| refused_by_serializer(FailureKind::InvalidArguments, &error))?;
        let ctx = ctx.clone().with_entries(entries);
        let found = self.find(request, &ctx)?;
        let args = EncodedArgs { codec: args.codec(), bytes: args.bytes(), limits };
        let result = found.host.invoke(found.method, &ctx, args).await?;
        serializer::outgoing_result(serializer, ctx.entries(), &result, limits)
            .map_err(|error| refused_by_serializer(FailureKind::UnencodableResult, &error))
    }
}

fn refused_by_serializer(kind: FailureKind, error: &SerializerError) -> Failure {
    Failure::new(kind, "SerializerError", error.to_string())
}

/// A method's future that answers a panic with a failure, and lets the method's thread know whose method it is.
pub(crate) struct Guarded<'a> {
    future: BoxFuture<'a, Outcome>,
    server: ServerId,
}

impl<'a> Guarded<'a> {
    pub(crate) fn new(future: BoxFuture<'a, Outcome>, server: ServerId) -> Self {
        Self { future, server }
    }
}

impl Future for Guarded<'_> {
    type Output = Outcome;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Outcome> {
        let this = self.get_mut();
        let _inside = Inside::enter(this.server);
        // What a panic leaves behind is the method's own: its future is never polled again.
        let polled = catch_unwind(AssertUnwindSafe(|| this.future.as_mut().poll(cx)));
        polled.unwrap_or_else(|panic| {
            let message = panic_message(&*panic);
            Poll::Ready(Err(Failure::new(FailureKind::Panic, "Panic", message)))
        })
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a value that is no text")
        .to_owned()
}
