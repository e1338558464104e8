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
use crate::transport::delivery_memory::{MessageKey, TakenMessage};
use crate::transport::{AckError, AckMode, Delivery, EncodedDelivery};
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
    key: Option<MessageKey>,
) -> Permit {
    let taken = TakenMessage::new(&permit.shared.memory, key);
    run(delivery, taken, &permit.shared).await;
    permit
}

async fn run(delivery: Box<dyn Delivery>, taken: TakenMessage<'_>, shared: &Arc<ServerShared>) {
    let span = request_span(delivery.request());
    let serving = serve(ReplyGuard::new(delivery, taken, shared));
    match span {
        None => serving.await,
        Some(span) => Box::pin(serving.instrument(span)).await,
    }
}

/// Decodes a message and runs its request.
///
/// A message that cannot be decoded gives its permit back at once; the transport has rejected it.
pub(in crate::server) async fn process_encoded(
    message: Box<dyn EncodedDelivery>,
    permit: Permit,
    _in_flight: TaskTrackerToken,
    key: Option<MessageKey>,
) -> Permit {
    decode_and_run(message, key, &permit.shared).await;
    permit
}

async fn decode_and_run(
    message: Box<dyn EncodedDelivery>,
    key: Option<MessageKey>,
    shared: &Arc<ServerShared>,
) {
    let taken = TakenMessage::new(&shared.memory, key);
    let decoded = match message.decodes_slowly() {
        false => message.decode(),
        true => Box::pin(shared.slow_decoding.decode(message)).await,
    };
    match decoded {
        None => shared.events.undecodable(),
        Some(delivery) => {
            shared.events.decoded();
            run(delivery, taken, shared).await;
        }
    }
}

async fn serve(mut guard: ReplyGuard<'_>) {
    if guard.delivery.redelivered() {
        guard.shared.events.redelivered();
    }
    let ack_first = guard.shared.options.ack_mode.is_before_invoke();
    if ack_first && !guard.ack_before_invoke().await {
        return;
    }
    let _unacked = guard.shared.unacked.note(guard.request());
    let mut outcome = match guard.precheck() {
        Some(failure) => Err(failure),
        None => {
            guard.taken.begin();
            let ctx = guard.context();
            // Aborted: the guard replies.
            let Some(outcome) = guard.invoke(&ctx).await else { return };
            outcome
        }
    };
    let mut refused = matches!(&outcome, Err(failure) if failure.ran() == Ran::No);
    if guard.request().wants_reply {
        if let Err(failure) = &mut outcome {
            guard.shared.events.outgoing_failure(guard.request(), failure);
            guard.downgrade_to_unknown(failure);
            refused = failure.ran() == Ran::No;
        }
        if let Some(replied) = guard.reply(outcome).into_pending()
            && let Err(error) = replied.await
        {
            guard.shared.events.failed_reply(guard.request(), &error);
        }
    } else if let Err(failure) = outcome {
        guard.shared.events.failure(guard.request(), &failure);
    }
    let key = guard.taken.key();
    let acked_second = if refused { guard.taken.refuse() } else { guard.taken.finish() };
    if !ack_first
        && !acked_second
        && let Some(acked) = guard.delivery.ack().into_pending()
        && let Err(error) = acked.await
    {
        guard.shared.events.failed_ack(guard.request(), &error);
        if let Some(key) = key
            && !refused
        {
            guard.shared.memory.expect_again(key);
        }
    }
}

impl ReplyGuard<'_> {
    /// Acknowledges the message before its method begins. Returns whether it may begin.
    async fn ack_before_invoke(&mut self) -> bool {
        if let Some(acked) = self.delivery.ack().into_pending() {
            // Set before the broker confirms the ack: a request that is aborted meanwhile may be acknowledged all the same.
            self.owes_reply = self.request().wants_reply;
            if let Err(error) = acked.await {
                return self.may_begin_after(&error);
            }
        }
        self.owes_reply = self.request().wants_reply;
        true
    }

    /// Returns whether the method may begin although the acknowledgement failed.
    #[cold]
    fn may_begin_after(&mut self, error: &AckError) -> bool {
        if !error.is_in_doubt() {
            // The broker delivers it again.
            self.owes_reply = false;
            self.shared.events.failed_ack(self.request(), error);
            return false;
        }
        let begins = self.shared.options.ack_mode != AckMode::AtMostOnce;
        self.shared.events.in_doubt(self.request(), begins, error);
        // Otherwise the guard tells the caller.
        begins
    }

    fn context(&self) -> Context {
        let ctx = Context::received(self.request());
        match self.delivery.redelivered() {
            false => ctx,
            true => ctx.redelivered_as(self.delivery.delivery_count()),
        }
    }

    /// Returns why the method must not be invoked, if there is a reason.
    fn precheck(&self) -> Option<Failure> {
        let request = self.request();
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
