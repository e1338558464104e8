//! From a request to the outcome of its method: access policy, look-up, serializer, invocation.

use std::future::ready;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use super::current_server::{EnterGuard, ServerId};
use crate::codec::DecodeLimits;
use crate::context::Context;
use crate::endpoint::{BoxFuture, EncodedArgs};
use crate::message::{Failure, FailureKind, Outcome, Request};
use crate::panics;
use crate::registry::{Registry, ResolvedMethod};
use crate::serializer::{self, Serializer, SerializerError};
use crate::server::AccessPolicy;

/// Everything that decides which method a request runs, and how.
pub(crate) struct Dispatcher {
    pub(crate) registry: Registry,
    pub(crate) limits: DecodeLimits,
    pub(crate) policy: Option<Box<dyn AccessPolicy>>,
    pub(crate) serializer: Option<Arc<dyn Serializer>>,
}

impl Dispatcher {
    /// Returns the future of the method. A request that is rejected gets a future that is ready.
    pub(crate) fn start<'a>(
        &'a self,
        request: &'a Request,
        ctx: &'a Context,
    ) -> BoxFuture<'a, Outcome> {
        match (&self.serializer, &self.policy) {
            (None, None) => match self.find(request, ctx) {
                Ok(found) => self.invoke(&found, request, ctx),
                Err(failure) => Box::pin(ready(Err(failure))),
            },
            // The policy is the user's code. It runs within the future, where its panics are caught.
            (None, Some(_)) => Box::pin(async move {
                let found = self.find(request, ctx)?;
                self.invoke(&found, request, ctx).await
            }),
            (Some(serializer), _) => Box::pin(self.serialized(&**serializer, request, ctx)),
        }
    }

    fn invoke<'a>(
        &'a self,
        found: &ResolvedMethod<'a>,
        request: &'a Request,
        ctx: &'a Context,
    ) -> BoxFuture<'a, Outcome> {
        found.invoke(ctx, EncodedArgs { payload: &request.args, limits: &self.limits })
    }

    fn find(&self, request: &Request, ctx: &Context) -> Result<ResolvedMethod<'_>, Failure> {
        let namespace = request.namespace.as_deref();
        self.registry.resolve(namespace, &request.method, request.version, || {
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
            serializer::deserialize_request(serializer, ctx.entries(), &request.args, limits)
                .map_err(|error| serializer_failure(FailureKind::InvalidArguments, &error))?;
        let ctx = ctx.clone().with_entries(entries);
        let found = self.find(request, &ctx)?;
        let result = found.invoke(&ctx, EncodedArgs { payload: &args, limits }).await?;
        serializer::serialize_result(serializer, ctx.entries(), &result, limits)
            .map_err(|error| serializer_failure(FailureKind::UnencodableResult, &error))
    }
}

fn serializer_failure(kind: FailureKind, error: &SerializerError) -> Failure {
    Failure::new(kind, "SerializerError", error.to_string())
}

/// The future of a method. Turns a panic into a failure, and makes the server the current one of the thread.
pub(crate) struct MethodFuture<'a> {
    method: BoxFuture<'a, Outcome>,
    server: ServerId,
}

impl<'a> MethodFuture<'a> {
    pub(crate) fn new(method: BoxFuture<'a, Outcome>, server: ServerId) -> Self {
        Self { method, server }
    }
}

impl Future for MethodFuture<'_> {
    type Output = Outcome;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Outcome> {
        let this = self.get_mut();
        let _current = EnterGuard::enter(this.server);
        // Unwind safe: a method that panicked is never polled again, so nobody sees the state that it left.
        let polled = catch_unwind(AssertUnwindSafe(|| this.method.as_mut().poll(cx)));
        polled.unwrap_or_else(|panic| {
            let message = panics::into_message(panic);
            Poll::Ready(Err(Failure::new(FailureKind::Panic, "Panic", message)))
        })
    }
}
