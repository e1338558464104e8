//! One message: acknowledge, look up, invoke, reply.
//!
//! Whatever happens on the way (a panic, a cut-off, a future that is dropped), [`Incoming`] sees to it that an acknowledged
//! request gets exactly one attempt at a final reply, and that one which was not acknowledged goes back to the broker.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{self, Poll, ready};

use tower_service::Service;

use super::Acknowledge;
use super::heartbeat;
use super::inside::ServerId;
use super::slots::Slots;
use super::stats::Counters;
use crate::context::Context;
use crate::dispatch::{Dispatcher, Guarded};
use crate::endpoint::BoxFuture;
use crate::eventual::Eventual;
use crate::layer::{Ground, RpcRequest, RpcService};
use crate::message::{Failure, FailureKind, Outcome, Request};
use crate::transport::{Delivery, ReplyError};

/// What all messages of a server share.
pub(super) struct Worker {
    pub(super) id: ServerId,
    pub(super) dispatcher: Arc<Dispatcher>,
    pub(super) rules: Rules,
    pub(super) stack: Option<RpcService>,
    pub(super) counters: Counters,
    pub(super) slots: Slots,
}

/// A permit to run one message; its index says which task has it.
pub(super) struct Slot {
    pub(super) worker: Arc<Worker>,
    index: usize,
}

impl Slot {
    pub(super) fn poll_take(worker: &Arc<Worker>, cx: &task::Context<'_>) -> Poll<Self> {
        let index = ready!(worker.slots.poll_take(cx));
        Poll::Ready(Self { worker: Arc::clone(worker), index })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.worker.slots.release(self.index);
    }
}

#[derive(Debug, Default)]
pub(super) struct Rules {
    pub(super) acknowledge: Acknowledge,
    pub(super) run_redelivered: bool,
    pub(super) expose_errors: bool,
    pub(super) quiet_unknown_methods: bool,
}

/// A message in work. Its fields are dropped in this order: the slot is free when everything else is done.
pub(super) struct Incoming {
    delivery: Box<dyn Delivery>,
    /// Acknowledged, wants a reply, has none yet.
    owes_reply: bool,
    slot: Slot,
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if self.owes_reply {
            self.slot.worker.counters.interrupted.add_one();
            let request = self.delivery.request();
            tracing::warn!(
                target: "rpc_core::server",
                id = %request.id,
                method = %request.method,
                "cut off; the caller is told that it may have run"
            );
            let reply =
                self.delivery.finish(Err(interrupted("the server stopped while the method ran")));
            // Nobody is left to wait for a reply that takes its time; without a runtime it is lost.
            if let Eventual::Pending(reply) = reply
                && let Ok(runtime) = tokio::runtime::Handle::try_current()
            {
                runtime.spawn(reply);
            }
        }
    }
}

fn interrupted(why: &str) -> Failure {
    Failure::new(FailureKind::Interrupted, "Interrupted", why)
}

impl Incoming {
    pub(super) fn new(delivery: Box<dyn Delivery>, slot: Slot) -> Self {
        Self { delivery, owes_reply: false, slot }
    }

    /// Whether there is an acknowledgement to rely on.
    async fn acknowledge(&mut self) -> bool {
        match self.delivery.acknowledge().await {
            Ok(()) => true,
            Err(error) => {
                self.slot.worker.counters.failed_acknowledgements.add_one();
                let request = self.delivery.request();
                tracing::error!(
                    target: "rpc_core::server",
                    id = %request.id,
                    method = %request.method,
                    %error,
                    "cannot acknowledge the message, it is skipped"
                );
                false
            }
        }
    }

    fn reply(&mut self, outcome: Outcome) -> Eventual<Result<(), ReplyError>> {
        self.owes_reply = false;
        self.delivery.finish(outcome)
    }
}

/// Runs a message from its delivery to its reply, or until it is cut off.
pub(super) async fn process(incoming: Incoming, duplicate: bool) {
    let (worker, index) = (Arc::clone(&incoming.slot.worker), incoming.slot.index);
    let mut steps = pin!(steps(incoming, duplicate));
    poll_fn(|cx| match steps.as_mut().poll(cx) {
        Poll::Ready(()) => Poll::Ready(()),
        Poll::Pending => worker.slots.poll_cut_off(index, cx),
    })
    .await;
}

async fn steps(mut incoming: Incoming, duplicate: bool) {
    let request = Arc::clone(incoming.delivery.request());
    let first = incoming.slot.worker.rules.acknowledge == Acknowledge::BeforeInvoke;
    if first || duplicate {
        if !incoming.acknowledge().await {
            return;
        }
        incoming.owes_reply = request.wants_reply && !duplicate;
    }
    if duplicate {
        incoming.slot.worker.counters.duplicates.add_one();
        tracing::warn!(target: "rpc_core::server", id = %request.id, method = %request.method, "duplicate dropped");
        return;
    }
    let outcome = match incoming.prevented(&request) {
        Some(failure) => Err(failure),
        None => incoming.run(&request).await,
    };
    if request.wants_reply {
        let outcome = incoming.slot.worker.outgoing(&request, outcome);
        if let Err(error) = incoming.reply(outcome).await {
            incoming.slot.worker.counters.failed_replies.add_one();
            tracing::error!(target: "rpc_core::server", id = %request.id, method = %request.method, %error, "cannot send the reply");
        }
    } else if let Err(failure) = outcome {
        incoming.slot.worker.note(&request, &failure);
    }
    if !first {
        incoming.acknowledge().await;
    }
}

impl Incoming {
    /// Why a method must not be invoked, if so.
    fn prevented(&self, request: &Request) -> Option<Failure> {
        let rules = &self.slot.worker.rules;
        let at_most_once = rules.acknowledge == Acknowledge::BeforeInvoke && !rules.run_redelivered;
        if at_most_once && self.delivery.redelivered() {
            self.slot.worker.counters.redelivered.add_one();
            return Some(interrupted(
                "the message was delivered before, to a server that did not finish it, and is not run again",
            ));
        }
        if request.is_expired() {
            let message = format!("the deadline passed before `{}` began", request.method);
            return Some(Failure::new(FailureKind::Expired, "Expired", message));
        }
        // Last, for from here on the caller can no longer take the request back.
        if !request.progress.claim() {
            let message = format!("the caller gave up before `{}` began", request.method);
            return Some(Failure::new(FailureKind::Expired, "Expired", message));
        }
        None
    }

    async fn run(&mut self, request: &Arc<Request>) -> Outcome {
        let Self { delivery, slot, .. } = self;
        let worker = &*slot.worker;
        let ctx = Context::of(request);
        let method = match &worker.stack {
            None => worker.dispatcher.begin(request, &ctx),
            Some(stack) => layered(stack, &worker.dispatcher, request, &ctx),
        };
        let method = Guarded::new(method, worker.id);
        match request.monitor {
            Some(period) if request.wants_reply => {
                Box::pin(heartbeat::beside(&mut **delivery, period, method)).await
            }
            _ => method.await,
        }
    }
}

impl Worker {
    /// Logs a failure as it deserves, and takes out of it what the caller need not know.
    fn outgoing(&self, request: &Request, outcome: Outcome) -> Outcome {
        let failure = match outcome {
            Ok(payload) => return Ok(payload),
            Err(failure) => failure,
        };
        self.note(request, &failure);
        Err(match failure.kind() {
            FailureKind::Error | FailureKind::Panic | FailureKind::UnencodableResult
                if !self.rules.expose_errors =>
            {
                let message = format!(
                    "`{}` failed unexpectedly; the server's log says more under message {}",
                    request.method, request.id
                );
                failure.opaque(message)
            }
            _ => failure,
        })
    }

    #[cold]
    fn note(&self, request: &Request, failure: &Failure) {
        let (id, method) = (&request.id, &request.method);
        tracing::Span::current().record("error.type", failure.class());
        let counters = &self.counters;
        match failure.kind() {
            FailureKind::Expected => {
                counters.expected_errors.add_one();
                tracing::debug!(target: "rpc_core::server", %id, %method, %failure, "expected error");
            }
            FailureKind::Panic => {
                counters.panics.add_one();
                tracing::error!(target: "rpc_core::server", %id, %method, %failure, "the method panicked");
            }
            FailureKind::Error | FailureKind::UnencodableResult => {
                counters.errors.add_one();
                let causes = failure.trace();
                tracing::error!(target: "rpc_core::server", %id, %method, %failure, ?causes, "the method failed");
            }
            FailureKind::Expired => {
                counters.expired.add_one();
                tracing::debug!(target: "rpc_core::server", %id, %method, %failure, "not run");
            }
            FailureKind::Interrupted => {
                tracing::warn!(target: "rpc_core::server", %id, %method, %failure, "not run again");
            }
            FailureKind::UnknownMethod
                if self.rules.quiet_unknown_methods || method.ends_with("_ignore_errors") =>
            {
                counters.refused.add_one();
                tracing::debug!(target: "rpc_core::server", %id, %method, %failure, "refused");
            }
            _ => {
                counters.refused.add_one();
                tracing::warn!(target: "rpc_core::server", %id, %method, %failure, "refused");
            }
        }
    }
}

/// The same dispatch with layers around it. It owns what the plain path borrows, as tower asks.
fn layered(
    stack: &RpcService,
    dispatcher: &Arc<Dispatcher>,
    request: &Arc<Request>,
    ctx: &Context,
) -> BoxFuture<'static, Outcome> {
    let ground = Ground::Server(Arc::clone(dispatcher));
    let call = RpcRequest::new(Arc::clone(request), ctx.clone(), ground);
    let response = stack.clone().call(call);
    Box::pin(async move {
        match response.await {
            Ok(response) => response.outcome,
            Err(error) => {
                let message = format!("a layer of the server ended the call: {error}");
                Err(Failure::new(FailureKind::Error, "LayerError", message))
            }
        }
    })
}
