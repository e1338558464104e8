//! Runs one request.
//!
//! The runtime moves the future of [`process`] before its first poll, so its size decides the speed of a call. What only
//! some requests need is boxed.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::Instrument;

use super::abort::{Abortable, Method};
use super::call_monitor::monitored;
use super::dispatch::MethodFuture;
use super::layered_dispatch::start_layered;
use super::reply_guard::{ReplyGuard, interrupted};
use super::span::request_span;
use crate::context::Context;
use crate::message::{Failure, FailureKind, Ran, Request};
use crate::server::shared::ServerShared;
use crate::transport::{AckMode, Delivery, EncodedDelivery};
use crate::untrusted::Quoted;

/// A permit to run one request at a time. One word wide, unlike the permits of a [`Semaphore`](tokio::sync::Semaphore).
pub(in crate::server) struct Permit {
    pub(super) shared: Arc<ServerShared>,
}

impl Permit {
    /// Takes over a permit of the server's semaphore.
    pub(in crate::server) fn new(shared: &Arc<ServerShared>, permit: OwnedSemaphorePermit) -> Self {
        permit.forget();
        Self { shared: Arc::clone(shared) }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.shared.permits.add_permits(1);
    }
}

/// Runs a request from its delivery to its reply.
///
/// Returns the permit, as the serve loop may use it for the next request. `_in_flight` is released when the request is done;
/// the permit, which keeps the server's endpoints, may outlive it by a moment.
pub(in crate::server) async fn process(
    delivery: Box<dyn Delivery>,
    permit: Permit,
    _in_flight: TaskTrackerToken,
    duplicate: bool,
) -> Permit {
    let span = request_span(delivery.request());
    let serving = serve(ReplyGuard::new(delivery, &permit.shared), duplicate);
    match span {
        None => serving.await,
        Some(span) => Box::pin(serving.instrument(span)).await,
    }
    permit
}

/// Decodes a message and runs its request.
///
/// A message that cannot be decoded gives its permit back at once; the transport has rejected it.
pub(in crate::server) async fn process_encoded(
    message: Box<dyn EncodedDelivery>,
    permit: Permit,
    in_flight: TaskTrackerToken,
    duplicate: bool,
) -> Permit {
    let decoded = match message.decodes_slowly() {
        false => message.decode(),
        true => Box::pin(permit.shared.slow_decoding.decode(message)).await,
    };
    let Some(delivery) = decoded else {
        permit.shared.events.undecodable();
        return permit;
    };
    permit.shared.events.decoded();
    process(delivery, permit, in_flight, duplicate).await
}

async fn serve(mut guard: ReplyGuard<'_>, duplicate: bool) {
    let ack_first = guard.shared.options.ack_mode == AckMode::BeforeInvoke;
    if (ack_first || duplicate)
        && let Some(acked) = guard.delivery.ack().into_pending()
    {
        // Set before the broker confirms the ack: a request that is aborted meanwhile may be acknowledged all the same.
        guard.owes_reply = !duplicate && guard.request().wants_reply;
        if let Err(error) = acked.await {
            guard.owes_reply = false;
            return guard.shared.events.failed_ack(guard.request(), &error);
        }
    }
    if duplicate {
        return guard.shared.events.duplicate(guard.request());
    }
    guard.owes_reply = ack_first && guard.request().wants_reply;
    let mut outcome = match guard.precheck() {
        Some(failure) => Err(failure),
        None => {
            let ctx = Context::received(guard.request());
            // Aborted: the guard replies.
            let Some(outcome) = guard.invoke(&ctx).await else { return };
            outcome
        }
    };
    if guard.request().wants_reply {
        if let Err(failure) = &mut outcome {
            guard.shared.events.outgoing_failure(guard.request(), failure);
            guard.downgrade_to_unknown(failure);
        }
        if let Some(replied) = guard.reply(outcome).into_pending()
            && let Err(error) = replied.await
        {
            guard.shared.events.failed_reply(guard.request(), &error);
        }
    } else if let Err(failure) = outcome {
        guard.shared.events.failure(guard.request(), &failure);
    }
    if !ack_first
        && let Some(acked) = guard.delivery.ack().into_pending()
        && let Err(error) = acked.await
    {
        guard.shared.events.failed_ack(guard.request(), &error);
    }
}

impl ReplyGuard<'_> {
    /// Returns why the method must not be invoked, if there is a reason.
    fn precheck(&self) -> Option<Failure> {
        let (request, options) = (self.request(), &self.shared.options);
        let at_most_once = options.ack_mode == AckMode::BeforeInvoke && !options.run_redelivered;
        if at_most_once && self.delivery.redelivered() {
            self.shared.events.redelivered();
            return Some(interrupted(
                "the message was redelivered: another server received it and did not finish it, and it is not run again",
            ));
        }
        if request.is_expired() {
            let message = format!("the deadline passed before {} started", Quoted(&request.method));
            return Some(Failure::new(FailureKind::Expired, "Expired", message));
        }
        // Last: after this the caller can no longer withdraw the request.
        if !request.state.start() {
            let message =
                format!("the caller cancelled the call before {} started", Quoted(&request.method));
            return Some(Failure::new(FailureKind::Expired, "Expired", message));
        }
        None
    }

    /// Replaces a failure that says that the method did not run, where an earlier delivery or a duplicate of the
    /// request may have run it.
    #[cold]
    fn downgrade_to_unknown(&self, failure: &mut Failure) {
        let request = self.request();
        // A caller that cancelled does not read the reply.
        let started = failure.kind() == FailureKind::Expired
            && request.has_started()
            && !request.is_cancelled();
        if failure.ran() == Ran::No && (started || self.delivery.redelivered()) {
            let why = failure.message();
            *failure = interrupted(&format!(
                "the message was delivered before, and its method may have run then; this time: {why}"
            ));
        }
    }

    fn invoke<'a>(&'a mut self, ctx: &'a Context) -> Abortable<'a> {
        let (delivery, shared) = (&mut self.delivery, self.shared);
        let method = match delivery.request().monitor {
            Some(period) if delivery.request().wants_reply => {
                let request = Arc::clone(delivery.request());
                Method::Monitored(Box::pin(async move {
                    let method = shared.start_method(&request, ctx);
                    let still_running = || delivery.still_running();
                    monitored(&request, period, &shared.monitor_pace, still_running, method).await
                }))
            }
            _ => Method::Plain(shared.start_method(delivery.request(), ctx)),
        };
        Abortable::new(method, &shared.abort)
    }
}

impl ServerShared {
    fn start_method<'a>(&'a self, request: &'a Arc<Request>, ctx: &'a Context) -> MethodFuture<'a> {
        let method = match &self.stack {
            None => self.dispatcher.start(request, ctx),
            Some(stack) => start_layered(stack, &self.dispatcher, request, ctx),
        };
        MethodFuture::new(method, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the size of the futures that `_make` makes, and makes none.
    fn size_of_future<A, B, C, D, F: Future>(_make: fn(A, B, C, D) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn the_future_of_a_message_takes_no_more_than_512_bytes() {
        let size = size_of_future(process);
        assert!(size <= 512, "{size} bytes");
    }
}
