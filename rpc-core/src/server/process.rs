//! One message: acknowledge, look up, invoke, reply.
//!
//! The future of [`process`] is moved about by the runtime before it first runs, so its size decides the speed of a call:
//! what only some messages need is boxed.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{self, Poll};

use tower_service::Service;

use super::AckMode;
use super::cut_off::Cuttable;
use super::dispatch::{Dispatcher, Guarded};
use super::heartbeat;
use super::incoming::{Incoming, Slot, interrupted};
use super::worker::Worker;
use crate::context::Context;
use crate::endpoint::BoxFuture;
use crate::layer::{BoxError, Ground, RpcRequest, RpcResponse, RpcService};
use crate::message::{Failure, FailureKind, Outcome, Ran, Request};
use crate::outside::Quoted;
use crate::transport::Delivery;

/// Runs a message from its delivery to its reply. The slot is free when everything else is done; it is returned, as
/// the loop may need the next one.
pub(super) async fn process(delivery: Box<dyn Delivery>, slot: Slot, duplicate: bool) -> Slot {
    serve(Incoming::new(delivery, &slot.worker), duplicate).await;
    slot
}

async fn serve(mut incoming: Incoming<'_>, duplicate: bool) {
    let first = incoming.worker.rules.ack_mode == AckMode::BeforeInvoke;
    if (first || duplicate)
        && let Some(acknowledged) = incoming.delivery.ack().into_pending()
    {
        // Already now: cut off before the broker has confirmed, it may be acknowledged all the same.
        incoming.owes_reply = !duplicate && incoming.request().wants_reply;
        if let Err(error) = acknowledged.await {
            incoming.owes_reply = false;
            return incoming.note_failed_acknowledgement(&error);
        }
    }
    if duplicate {
        incoming.note_duplicate();
        return;
    }
    incoming.owes_reply = first && incoming.request().wants_reply;
    let mut outcome = match incoming.prevented() {
        Some(failure) => Err(failure),
        None => {
            let ctx = Context::of(incoming.request());
            // Cut off: the guard knows what is owed.
            let Some(outcome) = incoming.invoke(&ctx).await else { return };
            outcome
        }
    };
    if incoming.request().wants_reply {
        if let Err(failure) = &mut outcome {
            incoming.worker.note_outgoing(incoming.request(), failure);
            incoming.admit_doubt(failure);
        }
        if let Some(replied) = incoming.reply(outcome).into_pending()
            && let Err(error) = replied.await
        {
            incoming.worker.note_failed_reply(incoming.request(), &error);
        }
    } else if let Err(failure) = outcome {
        incoming.worker.note(incoming.request(), &failure);
    }
    if !first
        && let Some(acknowledged) = incoming.delivery.ack().into_pending()
        && let Err(error) = acknowledged.await
    {
        incoming.note_failed_acknowledgement(&error);
    }
}

impl Incoming<'_> {
    /// Why a method must not be invoked, if so.
    fn prevented(&self) -> Option<Failure> {
        let (request, rules) = (self.request(), &self.worker.rules);
        let at_most_once = rules.ack_mode == AckMode::BeforeInvoke && !rules.run_redelivered;
        if at_most_once && self.delivery.redelivered() {
            self.worker.counters.redelivered.add_one();
            return Some(interrupted(
                "the message was delivered before, to a server that did not finish it, and is not run again",
            ));
        }
        if request.is_expired() {
            let message = format!("the deadline passed before {} began", Quoted(&request.method));
            return Some(Failure::new(FailureKind::Expired, "Expired", message));
        }
        // Last, for from here on the caller can no longer take the request back.
        if !request.progress.claim() {
            let message = format!("the caller gave up before {} began", Quoted(&request.method));
            return Some(Failure::new(FailureKind::Expired, "Expired", message));
        }
        None
    }

    /// What was delivered before, or has begun elsewhere as a duplicate, may have run, whatever keeps it from running now.
    #[cold]
    fn admit_doubt(&self, failure: &mut Failure) {
        let request = self.request();
        // Where the caller has gone, nobody reads it.
        let begun = failure.kind() == FailureKind::Expired
            && request.has_begun()
            && !request.is_cancelled();
        if failure.kind().ran() == Ran::No && (begun || self.delivery.redelivered()) {
            let why = failure.message();
            let why =
                format!("the message was delivered before, and may have run then; now: {why}");
            *failure = interrupted(&why);
        }
    }

    fn invoke<'a>(&'a mut self, ctx: &'a Context) -> Invocation<'a> {
        let Self { delivery, worker, .. } = self;
        match delivery.request().monitor {
            Some(period) if delivery.request().wants_reply => {
                let request = Arc::clone(delivery.request());
                Invocation::Monitored(Box::pin(async move {
                    let method = worker.begin(&request, ctx);
                    heartbeat::beside(&request, period, || delivery.still_running(), method).await
                }))
            }
            _ => Invocation::Plain(worker.begin(delivery.request(), ctx)),
        }
    }

    #[cold]
    fn note_duplicate(&self) {
        self.worker.counters.duplicates.add_one();
        let (id, method) = self.names();
        tracing::warn!(target: "rpc_core::server", %id, %method, "duplicate dropped");
    }
}

/// A method on its way; `None` when it was cut off.
enum Invocation<'a> {
    Plain(Cuttable<'a>),
    Monitored(BoxFuture<'a, Option<Outcome>>),
}

impl Future for Invocation<'_> {
    type Output = Option<Outcome>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Outcome>> {
        match self.get_mut() {
            Self::Plain(method) => Pin::new(method).poll(cx),
            Self::Monitored(method) => method.as_mut().poll(cx),
        }
    }
}

impl Worker {
    fn begin<'a>(&'a self, request: &'a Arc<Request>, ctx: &'a Context) -> Cuttable<'a> {
        let method = match &self.stack {
            None => self.dispatcher.begin(request, ctx),
            Some(stack) => layered(stack, &self.dispatcher, request, ctx),
        };
        Cuttable::new(Guarded::new(method, self.id), &self.cut_off)
    }
}

/// The same dispatch with layers around it. It owns what the plain path borrows, as tower asks.
fn layered(
    stack: &RpcService,
    dispatcher: &Arc<Dispatcher>,
    request: &Arc<Request>,
    ctx: &Context,
) -> BoxFuture<'static, Outcome> {
    let ground =
        Arc::new(Dispatching { dispatcher: Arc::clone(dispatcher), begun: AtomicBool::new(false) });
    let bottom: Arc<dyn Ground> = Arc::<Dispatching>::clone(&ground);
    let response = stack.clone().call(RpcRequest::new(Arc::clone(request), ctx.clone(), bottom));
    Box::pin(async move {
        match response.await {
            Ok(response) => response.outcome,
            Err(error) => Err(ended_by_layer(&error, ground.begun.load(Ordering::Relaxed))),
        }
    })
}

/// What is below a server's layers: the dispatch, which notes that it has begun.
struct Dispatching {
    dispatcher: Arc<Dispatcher>,
    begun: AtomicBool,
}

impl Ground for Dispatching {
    fn run(self: Arc<Self>, call: RpcRequest) -> BoxFuture<'static, Result<RpcResponse, BoxError>> {
        Box::pin(async move {
            self.begun.store(true, Ordering::Relaxed);
            let ctx = call.context().clone();
            let request = call.into_request();
            Ok(RpcResponse::from(self.dispatcher.begin(&request, &ctx).await))
        })
    }
}

/// What the layer's error says is for the server's log. A layer with something to say to the caller answers with a failure
/// of its own.
fn ended_by_layer(error: &BoxError, begun: bool) -> Failure {
    let (kind, message) = match begun {
        true => (FailureKind::Error, "a layer of the server ended the call"),
        false => (FailureKind::Denied, "a layer of the server turned the request away"),
    };
    Failure::new(kind, "LayerError", message).with_causes(vec![error.to_string()])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of the futures that `_make` makes; none is made.
    fn size_of_future<A, B, C, F: Future>(_make: fn(A, B, C) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn the_future_of_a_message_takes_no_more_than_512_bytes() {
        let size = size_of_future(process);
        assert!(size <= 512, "{size} bytes");
    }
}
