//! The server's loop: take a message when a slot is free, hand it to a task; once stopped, drain.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::runtime::RuntimeFlavor;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};
use tracing::{Instrument, field};

use super::Concurrency;
use super::duplicates::Duplicates;
use super::incoming::Slot;
use super::process::process;
use super::report::{ShutdownCause, ShutdownReport};
use super::stop::StopHandle;
use super::worker::Worker;
use crate::outside::Outside;
use crate::transport::{Delivery, ListenError, Listener};

/// How long a task that was cut off may take to notice; one that never yields does not.
const CUT_OFF: Duration = Duration::from_secs(1);
/// How long the transport may take to end the listener.
const CLOSE: Duration = Duration::from_secs(5);

pub(super) struct Options {
    pub(super) concurrency: Concurrency,
    pub(super) duplicate_window: usize,
    pub(super) shutdown_timeout: Duration,
}

pub(super) struct Loop {
    listener: Box<dyn Listener>,
    worker: Arc<Worker>,
    stop: StopHandle,
    duplicates: Duplicates,
    running: Running,
    shutdown_timeout: Duration,
    /// Messages that ran in the loop's own task when the server was stopped, and finished.
    finished: usize,
    /// The same, but cut off.
    cut_off: usize,
    /// The slot of a message that has just been run, for the next one of the same turn.
    spare: Option<Slot>,
    _at_the_end: TakeAlong,
}

/// How messages are run, on the runtime at hand.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
enum Running {
    /// One after the other, each to its end.
    Inline,
    /// Each as a task of its own.
    Tasks,
    /// Each as a task of its own once it has to wait. On a runtime with a single thread a task before that buys nothing:
    /// until a method waits, nothing else can run anyway.
    TasksThatWait,
}

/// So many messages are run in the loop's own task before others get their turn.
const TURN: usize = 64;

/// A server dropped in the middle takes its methods along.
struct TakeAlong(Arc<Worker>);

impl Drop for TakeAlong {
    fn drop(&mut self) {
        self.0.cut_off.cut_off();
    }
}

enum Next {
    Stopped,
    ListenerEnded,
    Failed(ListenError),
    Delivery(Box<dyn Delivery>, Slot),
}

impl Loop {
    pub(super) fn new(
        listener: Box<dyn Listener>,
        worker: Arc<Worker>,
        options: Options,
        stop: StopHandle,
    ) -> Self {
        Self {
            listener,
            stop,
            duplicates: Duplicates::new(options.duplicate_window),
            running: Running::choose(options.concurrency),
            shutdown_timeout: options.shutdown_timeout,
            finished: 0,
            cut_off: 0,
            spare: None,
            _at_the_end: TakeAlong(Arc::clone(&worker)),
            worker,
        }
    }

    pub(super) async fn run(mut self) -> ShutdownReport {
        let cause = loop {
            match poll_fn(|cx| self.poll_run(cx)).await {
                Next::Stopped => break ShutdownCause::Stopped,
                Next::ListenerEnded => break ShutdownCause::ListenerEnded,
                Next::Failed(error) => {
                    tracing::error!(target: "rpc_core::server", %error, "listening failed, and goes on");
                    // However often it fails, others get their turn.
                    yield_now().await;
                }
                Next::Delivery(delivery, slot) => {
                    Box::pin(self.run_inline(delivery, slot)).await;
                }
            }
        };
        self.drain(cause).await
    }

    /// Runs messages until there is something that has to be waited for.
    fn poll_run(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        let polled = self.poll_turn(cx);
        self.spare = None;
        polled
    }

    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        for _ in 0..TURN {
            match (ready!(self.poll_next(cx)), self.running) {
                (Next::Delivery(delivery, slot), Running::Tasks) => self.spawn(delivery, slot),
                (Next::Delivery(delivery, slot), Running::TasksThatWait) => {
                    self.run_until_it_waits(delivery, slot, cx);
                }
                (next, _) => return Poll::Ready(next),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        if self.stop.is_stopped() {
            return Poll::Ready(Next::Stopped);
        }
        let polled = self.poll_delivery(cx);
        // Enlisting with the stop handle costs something, and is of use only before sleeping.
        if polled.is_pending() && self.stop.poll_stopped(cx).is_ready() {
            return Poll::Ready(Next::Stopped);
        }
        polled
    }

    fn poll_delivery(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        if self.spare.is_none() {
            ready!(self.worker.slots.poll_free(cx));
        }
        self.listener.poll_next(cx).map(|next| match next {
            Some(Ok(delivery)) => {
                let slot = self.spare.take().unwrap_or_else(|| Slot::take(&self.worker));
                Next::Delivery(delivery, slot)
            }
            Some(Err(error)) => Next::Failed(error),
            None => Next::ListenerEnded,
        })
    }

    /// Notes a message, and whether it is a duplicate.
    fn admit(&mut self, delivery: &dyn Delivery) -> bool {
        self.worker.counters.received.add_one_alone();
        // What comes back is judged by the acknowledgement rules; only what comes twice is a duplicate.
        !delivery.redelivered() && self.duplicates.seen(delivery.request().id)
    }

    fn spawn(&mut self, delivery: Box<dyn Delivery>, slot: Slot) {
        let span = span(&*delivery);
        let duplicate = self.admit(&*delivery);
        let message = process(delivery, slot, duplicate);
        match span {
            None => drop(tokio::spawn(message)),
            Some(span) => drop(tokio::spawn(message.instrument(span))),
        }
    }

    fn run_until_it_waits(
        &mut self,
        delivery: Box<dyn Delivery>,
        slot: Slot,
        cx: &mut Context<'_>,
    ) {
        if is_traced() {
            return self.spawn(delivery, slot);
        }
        let duplicate = self.admit(&*delivery);
        let mut message = Box::pin(process(delivery, slot, duplicate));
        let polled = catch_unwind(AssertUnwindSafe(|| message.as_mut().poll(cx)));
        match polled {
            Ok(Poll::Ready(slot)) => self.spare = Some(slot),
            // Polled again as a task, it leaves that task's waker in place of the loop's.
            Ok(Poll::Pending) => drop(tokio::spawn(message)),
            Err(_) => note_panic(),
        }
    }

    /// Runs a message in the loop's own task, which then also has to mind the drain limit.
    async fn run_inline(&mut self, delivery: Box<dyn Delivery>, slot: Slot) {
        let span = span(&*delivery).unwrap_or_else(tracing::Span::none);
        let duplicate = self.admit(&*delivery);
        let message = AssertUnwindSafe(process(delivery, slot, duplicate).instrument(span));
        let mut message = pin!(message.catch_unwind());
        let too_long = async {
            self.stop.stopped().await;
            sleep(self.shutdown_timeout).await;
        };
        let ended = tokio::select! {
            biased;
            ended = &mut message => {
                self.finished += usize::from(self.stop.is_stopped());
                Some(ended)
            }
            () = too_long => {
                self.cut_off += 1;
                self.worker.cut_off.cut_off();
                timeout(CUT_OFF, message).await.ok()
            }
        };
        if matches!(ended, Some(Err(_))) {
            note_panic();
        }
    }

    async fn drain(mut self, cause: ShutdownCause) -> ShutdownReport {
        let slots = &self.worker.slots;
        let running = slots.taken();
        // A transport may take its time over the first; methods end meanwhile.
        let (stopping, drained) = tokio::join!(
            timeout(CLOSE, self.listener.stop_consuming()),
            timeout(self.shutdown_timeout, poll_fn(|cx| slots.poll_idle(cx))),
        );
        if stopping.is_err() {
            tracing::warn!(target: "rpc_core::server", "the transport is slow to stop the listener");
        }
        let cut_off = if drained.is_ok() { 0 } else { slots.taken() };
        if cut_off > 0 {
            tracing::warn!(target: "rpc_core::server", cut_off, limit = ?self.shutdown_timeout, "drain limit reached");
            self.worker.cut_off.cut_off();
            let _ = timeout(CUT_OFF, poll_fn(|cx| slots.poll_idle(cx))).await;
        }
        if timeout(CLOSE, self.listener.close()).await.is_err() {
            tracing::warn!(target: "rpc_core::server", "the transport is slow to close the listener");
        }
        let finished = self.finished + running.saturating_sub(cut_off);
        ShutdownReport { cause, finished, aborted: cut_off + self.cut_off }
    }
}

impl Running {
    fn choose(concurrency: Concurrency) -> Self {
        let threads = tokio::runtime::Handle::try_current().map(|runtime| runtime.runtime_flavor());
        match (concurrency, threads) {
            (Concurrency::Serial, _) => Self::Inline,
            (Concurrency::Limit(_), Ok(RuntimeFlavor::CurrentThread)) => Self::TasksThatWait,
            (Concurrency::Limit(_), _) => Self::Tasks,
        }
    }
}

/// A method's panic is answered further in; what comes as far as the loop costs its message and nothing else.
fn note_panic() {
    tracing::error!(
        target: "rpc_core::server",
        "the transport, or what a method left behind, panicked; its message is given up"
    );
}

/// Whether anybody wants a span.
fn is_traced() -> bool {
    tracing::enabled!(target: "rpc_core::server", tracing::Level::INFO)
}

/// The server's span, named and labelled as OpenTelemetry's RPC conventions have it, within the caller's trace.
/// `None` where nobody wants it.
fn span(delivery: &dyn Delivery) -> Option<tracing::Span> {
    if !is_traced() {
        return None;
    }
    let request = delivery.request();
    let trace = request.trace.as_ref();
    Some(tracing::info_span!(
        target: "rpc_core::server",
        "rpc.serve",
        otel.kind = if request.wants_reply { "server" } else { "consumer" },
        rpc.system.name = "oslo",
        rpc.method = %Outside(&request.method),
        rpc.namespace = request.namespace.as_deref().map(|name| field::display(Outside(name))),
        messaging.message.id = %request.id,
        trace_id = trace.map(|trace| format!("{:032x}", trace.trace_id())),
        parent_span_id = trace.map(|trace| format!("{:016x}", trace.span_id())),
        error.type = field::Empty,
    ))
}
