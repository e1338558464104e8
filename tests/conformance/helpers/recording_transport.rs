//! A transport that notes what clients send and what servers do with each message, and fails what the case asks it to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use rpc_core::error::SendError;
use rpc_core::transport::{
    AckError, Capabilities, ConnectionState, Delivery, Listen, ListenError, Listener, ReplyError,
    Route, Sent,
};
use rpc_core::{BoxFuture, Codec, MaybeReady, Outcome, Request, Transport};
use tokio::sync::{Semaphore, mpsc, watch};

use crate::conformance::helpers::work::Event;

#[derive(Clone)]
pub(crate) struct RecordingTransport {
    inner: Arc<dyn Transport>,
    log: mpsc::UnboundedSender<Event>,
    faults: Arc<Faults>,
}

/// How many of each still fail.
#[derive(Default)]
struct Faults {
    acknowledgements: AtomicUsize,
    replies: AtomicUsize,
    listening: AtomicUsize,
    /// While it is closed, acknowledgements are under way.
    gate: Option<Arc<Semaphore>>,
}

fn take_one(faults: &AtomicUsize) -> bool {
    faults.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}

impl RecordingTransport {
    pub(crate) fn new(inner: Arc<dyn Transport>, log: mpsc::UnboundedSender<Event>) -> Self {
        Self { inner, log, faults: Arc::default() }
    }

    /// Acknowledgements that are under way until the gate has a permit for each.
    pub(crate) fn with_slow_acks(
        inner: Arc<dyn Transport>,
        log: mpsc::UnboundedSender<Event>,
        gate: Arc<Semaphore>,
    ) -> Self {
        let faults = Faults { gate: Some(gate), ..Faults::default() };
        Self { inner, log, faults: Arc::new(faults) }
    }

    /// Lets the next acknowledgements fail; the broker does not hear of them.
    pub(crate) fn fail_acks(&self, count: usize) {
        self.faults.acknowledgements.store(count, Ordering::Relaxed);
    }

    /// Lets the next replies fail; their callers do not hear of them.
    pub(crate) fn fail_replies(&self, count: usize) {
        self.faults.replies.store(count, Ordering::Relaxed);
    }

    /// Lets servers be told that listening failed, this often; how many of those asked for before were still to come.
    pub(crate) fn fail_consuming(&self, count: usize) -> usize {
        self.faults.listening.swap(count, Ordering::Relaxed)
    }
}

impl From<RecordingTransport> for Arc<dyn Transport> {
    fn from(observed: RecordingTransport) -> Self {
        Arc::new(observed) as Self
    }
}

impl Transport for RecordingTransport {
    fn codec(&self) -> Codec {
        self.inner.codec()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn send(&self, route: &Route, request: Arc<Request>) -> Result<Sent, SendError> {
        // The case may have ended without looking.
        let _ = self.log.send(Event::Sent(request.id));
        self.inner.send(route, request)
    }

    fn listen(&self, listen: Listen) -> BoxFuture<'_, Result<Box<dyn Listener>, ListenError>> {
        Box::pin(async move {
            let inner = self.inner.listen(listen).await?;
            Ok(Box::new(RecordingListener { inner, observed: self.clone() }) as Box<dyn Listener>)
        })
    }

    fn state(&self) -> watch::Receiver<ConnectionState> {
        self.inner.state()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.inner.close()
    }
}

struct RecordingListener {
    inner: Box<dyn Listener>,
    observed: RecordingTransport,
}

impl Listener for RecordingListener {
    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Box<dyn Delivery>, ListenError>>> {
        let observed = &self.observed;
        if take_one(&observed.faults.listening) {
            let error = ListenError::new(&Listen::new("any", "any"), "the case lets it fail");
            return Poll::Ready(Some(Err(error)));
        }
        self.inner.poll_next(cx).map_ok(|inner| {
            Box::new(RecordingDelivery { inner, observed: observed.clone() }) as Box<dyn Delivery>
        })
    }

    fn stop_consuming(&mut self) -> MaybeReady<()> {
        self.inner.stop_consuming()
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        self.inner.close()
    }
}

struct RecordingDelivery {
    inner: Box<dyn Delivery>,
    observed: RecordingTransport,
}

impl RecordingDelivery {
    /// Notes the event once it has come about.
    fn noted<E: Send + Unpin + 'static>(
        &self,
        doing: MaybeReady<Result<(), E>>,
        event: Event,
    ) -> MaybeReady<Result<(), E>> {
        let log = self.observed.log.clone();
        let note = move |done: Result<(), E>| {
            if done.is_ok() {
                // The case may have ended without looking.
                let _ = log.send(event);
            }
            done
        };
        match doing {
            MaybeReady::Ready(done) => MaybeReady::Ready(done.map(note)),
            MaybeReady::Pending(doing) => MaybeReady::pending(async { note(doing.await) }),
        }
    }
}

impl Delivery for RecordingDelivery {
    fn request(&self) -> &Arc<Request> {
        self.inner.request()
    }

    fn redelivered(&self) -> bool {
        self.inner.redelivered()
    }

    fn ack(&mut self) -> MaybeReady<Result<(), AckError>> {
        if take_one(&self.observed.faults.acknowledgements) {
            return MaybeReady::ready(Err(AckError::new("the case lets it fail")));
        }
        let id = self.request().id;
        let gate = self.observed.faults.gate.clone();
        if gate.is_some() {
            let _ = self.observed.log.send(Event::Received(id));
        }
        let doing = self.inner.ack();
        let doing = self.noted(doing, Event::Acked(id));
        let Some(gate) = gate else { return doing };
        MaybeReady::pending(async move {
            gate.acquire().await.expect("the gate is never closed").forget();
            doing.await
        })
    }

    fn requeue(self: Box<Self>) {
        self.inner.requeue();
    }

    fn still_running(&mut self) -> MaybeReady<Result<(), ReplyError>> {
        let event = Event::StillRunning(self.request().id);
        let doing = self.inner.still_running();
        self.noted(doing, event)
    }

    fn reply(&mut self, outcome: Outcome) -> MaybeReady<Result<(), ReplyError>> {
        if take_one(&self.observed.faults.replies) {
            return MaybeReady::ready(Err(ReplyError::new("the case lets it fail")));
        }
        let event = Event::Replied(self.request().id);
        let doing = self.inner.reply(outcome);
        self.noted(doing, event)
    }
}
