//! A transport that records what clients send and what servers do with each message, and fails operations on request.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use rpc_core::error::SendError;
use rpc_core::transport::{
    AckError, Delivery, Listen, ListenError, Listener, ReplyError, Route, Sent,
};
use rpc_core::{MaybeReady, MessageId, Outcome, Request, Transport};
use tokio::sync::{Semaphore, mpsc};

use crate::conformance::helpers::work::Event;
use crate::support::intercept::{Intercept, Intercepted, Next};

pub(crate) type RecordingTransport = Intercepted<Recording>;

#[derive(Clone)]
pub(crate) struct Recording {
    log: mpsc::UnboundedSender<Event>,
    failures: Arc<Failures>,
    /// If present, each acknowledgement waits for a permit.
    ack_permits: Option<Arc<Semaphore>>,
}

/// How many operations of each kind are still to fail.
#[derive(Default)]
struct Failures {
    acks: AtomicUsize,
    replies: AtomicUsize,
    consuming: AtomicUsize,
}

fn take_one(failures: &AtomicUsize) -> bool {
    let used =
        failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
    used.is_ok()
}

impl RecordingTransport {
    pub(crate) fn new(inner: Arc<dyn Transport>, log: mpsc::UnboundedSender<Event>) -> Self {
        Self::over(inner, Recording { log, failures: Arc::default(), ack_permits: None })
    }

    /// Delays each acknowledgement until there is a permit for it.
    pub(crate) fn with_slow_acks(
        inner: Arc<dyn Transport>,
        log: mpsc::UnboundedSender<Event>,
        permits: Arc<Semaphore>,
    ) -> Self {
        let ack_permits = Some(permits);
        Self::over(inner, Recording { log, failures: Arc::default(), ack_permits })
    }

    /// Fails the next acknowledgements without sending them to the broker.
    pub(crate) fn fail_acks(&self, count: usize) {
        self.hooks().failures.acks.store(count, Ordering::Relaxed);
    }

    /// Fails the next replies without sending them to their callers.
    pub(crate) fn fail_replies(&self, count: usize) {
        self.hooks().failures.replies.store(count, Ordering::Relaxed);
    }

    /// Fails the next polls for a delivery. Returns how many of the failures that were requested earlier have not happened yet.
    pub(crate) fn fail_consuming(&self, count: usize) -> usize {
        self.hooks().failures.consuming.swap(count, Ordering::Relaxed)
    }
}

impl Recording {
    fn record(&self, event: Event) {
        // The case may have ended without looking.
        let _ = self.log.send(event);
    }

    /// Records the event once it has happened.
    fn record_when_done<E: Send + Unpin + 'static>(
        &self,
        pending: MaybeReady<Result<(), E>>,
        event: Event,
    ) -> MaybeReady<Result<(), E>> {
        let recording = self.clone();
        let record = move |done: Result<(), E>| {
            if done.is_ok() {
                recording.record(event);
            }
            done
        };
        match pending {
            MaybeReady::Ready(done) => MaybeReady::Ready(done.map(record)),
            MaybeReady::Pending(pending) => MaybeReady::pending(async { record(pending.await) }),
        }
    }
}

impl Intercept for Recording {
    type Kept = MessageId;

    fn delivered(&self, delivery: &dyn Delivery) -> MessageId {
        delivery.request().id
    }

    fn send(
        &self,
        inner: &dyn Transport,
        route: &Route,
        request: Arc<Request>,
    ) -> Result<Sent, SendError> {
        self.record(Event::Sent(request.id));
        inner.send(route, request)
    }

    fn poll_next(&self, inner: &mut dyn Listener, cx: &mut Context<'_>) -> Poll<Next> {
        if take_one(&self.failures.consuming) {
            let error = ListenError::new(&Listen::new("any", "any"), "the case lets it fail");
            return Poll::Ready(Some(Err(error)));
        }
        inner.poll_next(cx)
    }

    fn ack(&self, id: &MessageId, inner: &mut dyn Delivery) -> MaybeReady<Result<(), AckError>> {
        if take_one(&self.failures.acks) {
            return MaybeReady::ready(Err(AckError::new("the case lets it fail")));
        }
        if self.ack_permits.is_some() {
            self.record(Event::Received(*id));
        }
        let acked = self.record_when_done(inner.ack(), Event::Acked(*id));
        let Some(permits) = self.ack_permits.clone() else { return acked };
        MaybeReady::pending(async move {
            permits.acquire().await.expect("the semaphore is never closed").forget();
            acked.await
        })
    }

    fn still_running(
        &self,
        id: &MessageId,
        inner: &mut dyn Delivery,
    ) -> MaybeReady<Result<(), ReplyError>> {
        self.record_when_done(inner.still_running(), Event::StillRunning(*id))
    }

    fn reply(
        &self,
        id: &MessageId,
        inner: &mut dyn Delivery,
        outcome: Outcome,
    ) -> MaybeReady<Result<(), ReplyError>> {
        if take_one(&self.failures.replies) {
            return MaybeReady::ready(Err(ReplyError::new("the case lets it fail")));
        }
        self.record_when_done(inner.reply(outcome), Event::Replied(*id))
    }
}
