//! The loop of a server: consumes a message when a permit is free, and hands it to a task. Once stopped, it drains.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::Either;
use tokio::runtime::RuntimeFlavor;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};
use tokio_util::sync::PollSemaphore;
use tokio_util::task::AbortOnDropHandle;

use super::options::Concurrency;
use super::process::{Permit, process, process_encoded};
use super::report::{ShutdownCause, ShutdownReport};
use super::shared::ServerShared;
use super::stop::StopHandle;
use crate::endpoint::BoxFuture;
use crate::panics;
use crate::transport::delivery_memory::{Admission, MessageKey};
use crate::transport::{Incoming, ListenError, Listener};

/// How long an aborted task may take to notice. One that never yields does not notice.
const ABORT_TIMEOUT: Duration = Duration::from_secs(1);
/// How long the transport may take to close the listener.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// How many messages the loop runs in its own task before it yields.
const BATCH: usize = 64;

pub(super) struct ServeLoop {
    listener: Box<dyn Listener>,
    shared: Arc<ServerShared>,
    stop: StopHandle,
    /// Resolves when the server is asked to stop.
    stopped: BoxFuture<'static, ()>,
    /// The waker that `stopped` was last polled with.
    stop_waker: Option<Waker>,
    mode: RunMode,
    permits: PollSemaphore,
    /// A permit that the last message gave back, or that the loop acquired before the next message arrived.
    reusable_permit: Option<Permit>,
    /// Messages that ran in the loop's own task when the server was stopped, and finished.
    finished: usize,
    /// Messages that ran in the loop's own task when the server was stopped, and were aborted.
    aborted: usize,
    _abort_on_drop: AbortOnDrop,
    /// Warns of long methods, also while the server drains.
    _unacked_watch: Option<AbortOnDropHandle<()>>,
}

/// Aborts running methods if the server's task is dropped.
struct AbortOnDrop(Arc<ServerShared>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort.abort();
    }
}

/// How messages are run on the runtime at hand.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
enum RunMode {
    /// One after the other, each to its end.
    Serial,
    /// Each as a task of its own.
    Spawn,
    /// In the loop's task until the method has to wait, and as a task of its own from then on. On a runtime with one
    /// thread an earlier task is useless: nothing else can run until the method waits.
    SpawnOnPending,
}

impl RunMode {
    fn choose(concurrency: Concurrency) -> Self {
        let threads = tokio::runtime::Handle::try_current().map(|runtime| runtime.runtime_flavor());
        match (concurrency, threads) {
            (Concurrency::Serial, _) => Self::Serial,
            (Concurrency::Limit(_), Ok(RuntimeFlavor::CurrentThread)) => Self::SpawnOnPending,
            (Concurrency::Limit(_), _) => Self::Spawn,
        }
    }
}

enum Event {
    Stopped,
    ListenerEnded,
    Failed(ListenError),
    Message(Taken, Permit),
}

/// A message that is to be run, and what it is recognised by.
type Taken = (Incoming, Option<MessageKey>);

impl ServeLoop {
    pub(super) fn new(
        listener: Box<dyn Listener>,
        shared: Arc<ServerShared>,
        stop: StopHandle,
    ) -> Self {
        if listener.acks_are_final() {
            shared.memory.trust_acks();
        }
        let concurrency = shared.options.concurrency;
        Self {
            _unacked_watch: watch_unacked(&*listener, &shared),
            listener,
            stopped: Box::pin(stop.stopped_owned()),
            stop_waker: None,
            stop,
            mode: RunMode::choose(concurrency),
            permits: PollSemaphore::new(Arc::clone(&shared.permits)),
            reusable_permit: None,
            finished: 0,
            aborted: 0,
            _abort_on_drop: AbortOnDrop(Arc::clone(&shared)),
            shared,
        }
    }

    pub(super) async fn run(mut self) -> ShutdownReport {
        let cause = loop {
            match poll_fn(|cx| self.poll_batch(cx)).await {
                Event::Stopped => break ShutdownCause::Stopped,
                Event::ListenerEnded => break ShutdownCause::ListenerEnded,
                Event::Failed(error) => {
                    tracing::error!(target: "rpc_core::server", %error, "consumer error, retrying");
                    // However often it fails, other tasks get their turn.
                    yield_now().await;
                }
                Event::Message(message, permit) => {
                    Box::pin(self.run_serially(message, permit)).await;
                }
            }
        };
        self.drain(cause).await
    }

    /// Runs messages until there is something to wait for.
    fn poll_batch(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        for _ in 0..BATCH {
            match (ready!(self.poll_event(cx)), self.mode) {
                (Event::Message(message, permit), RunMode::Spawn) => self.spawn(message, permit),
                (Event::Message(message, permit), RunMode::SpawnOnPending) => {
                    self.run_until_pending(message, permit, cx);
                }
                (event, _) => return Poll::Ready(event),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        if self.stop.is_stopped() {
            return Poll::Ready(Event::Stopped);
        }
        let polled = self.poll_delivery(cx);
        if polled.is_pending() && self.poll_stopped(cx).is_ready() {
            return Poll::Ready(Event::Stopped);
        }
        polled
    }

    /// Makes sure that a stop wakes the loop.
    ///
    /// The waker of a task seldom changes. Registering it again before every sleep would cost 2 % of an in-memory call.
    fn poll_stopped(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.stop_waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        self.stop_waker = Some(cx.waker().clone());
        self.stopped.as_mut().poll(cx)
    }

    fn poll_delivery(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        let permit = match self.reusable_permit.take() {
            Some(permit) => permit,
            None => match ready!(self.permits.poll_acquire(cx)) {
                Some(permit) => Permit::new(&self.shared, permit),
                // Nobody closes the semaphore.
                None => return Poll::Ready(Event::ListenerEnded),
            },
        };
        loop {
            let event = match self.listener.poll_next(cx) {
                Poll::Ready(Some(Ok(message))) => match self.take(message) {
                    Some(message) => return Poll::Ready(Event::Message(message, permit)),
                    None => continue,
                },
                Poll::Ready(Some(Err(error))) => Poll::Ready(Event::Failed(error)),
                Poll::Ready(None) => Poll::Ready(Event::ListenerEnded),
                Poll::Pending => Poll::Pending,
            };
            self.reusable_permit = Some(permit);
            return event;
        }
    }

    /// Returns the message if it is to be run.
    fn take(&self, message: Incoming) -> Option<Taken> {
        let ServerShared { memory, events, .. } = &*self.shared;
        let key = message.key();
        match memory.take(message, key) {
            Admission::Run(message) => {
                if let Incoming::Delivery(_) = message {
                    events.received();
                }
                Some((message, key))
            }
            Admission::Duplicate(message) => {
                events.received();
                events.duplicate(key);
                // If it fails, the message comes back and is recognised again.
                drop(message.ack());
                None
            }
            Admission::AlreadyBegun => {
                events.received();
                None
            }
        }
    }

    fn spawn(&mut self, (message, key): Taken, permit: Permit) {
        let in_flight = self.shared.in_flight.token();
        match message {
            Incoming::Delivery(delivery) => {
                drop(tokio::spawn(process(delivery, permit, in_flight, key)));
            }
            Incoming::Encoded(message) => {
                drop(tokio::spawn(process_encoded(message, permit, in_flight, key)));
            }
        }
    }

    fn run_until_pending(&mut self, message: Taken, permit: Permit, cx: &mut Context<'_>) {
        let (delivery, key) = match message {
            (Incoming::Delivery(delivery), key) => (delivery, key),
            // Decoding may take long, and other tasks get their turn between two messages.
            encoded => return self.spawn(encoded, permit),
        };
        let in_flight = self.shared.in_flight.token();
        let mut message = Box::pin(process(delivery, permit, in_flight, key));
        let polled = catch_unwind(AssertUnwindSafe(|| message.as_mut().poll(cx)));
        match polled {
            Ok(Poll::Ready(permit)) => self.reusable_permit = Some(permit),
            // The first poll of the task replaces the loop's waker by the task's.
            Ok(Poll::Pending) => drop(tokio::spawn(message)),
            Err(panic) => log_panic(panic),
        }
    }

    /// Runs a message in the loop's own task, which then also has to watch the shutdown timeout.
    async fn run_serially(&mut self, (message, key): Taken, permit: Permit) {
        let in_flight = self.shared.in_flight.token();
        let message = match message {
            Incoming::Delivery(delivery) => Either::Left(process(delivery, permit, in_flight, key)),
            Incoming::Encoded(message) => {
                Either::Right(process_encoded(message, permit, in_flight, key))
            }
        };
        let mut message = pin!(AssertUnwindSafe(message).catch_unwind());
        let timed_out = async {
            self.stop.stopped().await;
            sleep(self.shared.options.shutdown_timeout).await;
        };
        let result = tokio::select! {
            biased;
            result = &mut message => {
                self.finished += usize::from(self.stop.is_stopped());
                Some(result)
            }
            () = timed_out => {
                self.aborted += 1;
                self.shared.abort.abort();
                timeout(ABORT_TIMEOUT, message).await.ok()
            }
        };
        match result {
            Some(Ok(permit)) => self.reusable_permit = Some(permit),
            Some(Err(panic)) => log_panic(panic),
            None => {}
        }
    }

    async fn drain(mut self, cause: ShutdownCause) -> ShutdownReport {
        let ServerShared { in_flight, abort, options, .. } = &*self.shared;
        let running = in_flight.len();
        in_flight.close();
        // Methods end while the transport stops to consume.
        let (stopping, drained) = tokio::join!(
            timeout(CLOSE_TIMEOUT, self.listener.stop_consuming()),
            timeout(options.shutdown_timeout, in_flight.wait()),
        );
        if stopping.is_err() {
            tracing::warn!(target: "rpc_core::server", "the transport timed out stopping the consumer");
        }
        let aborted = if drained.is_ok() { 0 } else { in_flight.len() };
        if aborted > 0 {
            tracing::warn!(
                target: "rpc_core::server",
                aborted,
                shutdown_timeout = ?options.shutdown_timeout,
                "shutdown timed out, aborting the running methods"
            );
            abort.abort();
            let _ = timeout(ABORT_TIMEOUT, in_flight.wait()).await;
        }
        if timeout(CLOSE_TIMEOUT, self.listener.close()).await.is_err() {
            tracing::warn!(target: "rpc_core::server", "the transport timed out closing the consumer");
        }
        let finished = self.finished + running.saturating_sub(aborted);
        ShutdownReport { cause, finished, aborted: aborted + self.aborted }
    }
}

/// Starts to warn of long methods, if they keep messages unacknowledged and the broker limits that.
fn watch_unacked(
    listener: &dyn Listener,
    shared: &Arc<ServerShared>,
) -> Option<AbortOnDropHandle<()>> {
    if shared.options.ack_mode.is_before_invoke() {
        return None;
    }
    let (limit, shared) = (listener.ack_timeout()?, Arc::clone(shared));
    let watch = async move { shared.unacked.watch(limit, &shared.events).await };
    Some(AbortOnDropHandle::new(tokio::spawn(watch)))
}

/// Logs a panic that was not the method's own: that one is caught and answered further in. It costs this message only.
fn log_panic(panic: Box<dyn Any + Send>) {
    tracing::error!(
        target: "rpc_core::server",
        panic = panics::into_message(panic),
        "the transport, or the destructor of a method's future, panicked; its message is dropped"
    );
}
