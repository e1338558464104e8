//! The server's loop: take a message when a slot is free, hand it to a task; once stopped, drain.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tracing::Instrument;

use super::Executor;
use super::duplicates::Duplicates;
use super::process::{Incoming, Slot, Worker, process};
use super::report::{Ended, Report};
use super::stop::StopHandle;
use crate::transport::{Delivery, Listener};

/// How long a task that was cut off may take to notice; one that never yields does not.
const CUT_OFF: Duration = Duration::from_secs(1);
/// How long the transport may take to end the listener.
const CLOSE: Duration = Duration::from_secs(5);

pub(super) struct Options {
    pub(super) executor: Executor,
    pub(super) duplicate_window: usize,
    pub(super) drain_limit: Duration,
}

pub(super) struct Loop {
    listener: Box<dyn Listener>,
    worker: Arc<Worker>,
    stop: StopHandle,
    duplicates: Duplicates,
    inline: bool,
    drain_limit: Duration,
    /// The free slot that waits for a message.
    slot: Option<Slot>,
    cut_off: usize,
    _at_the_end: CutOff,
}

/// A server dropped in the middle takes its tasks along.
struct CutOff(Arc<Worker>);

impl Drop for CutOff {
    fn drop(&mut self) {
        self.0.slots.cut_off();
    }
}

enum Next {
    Stopped,
    ListenerEnded,
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
            inline: options.executor == Executor::Inline,
            drain_limit: options.drain_limit,
            slot: None,
            cut_off: 0,
            _at_the_end: CutOff(Arc::clone(&worker)),
            worker,
        }
    }

    pub(super) async fn run(mut self) -> Report {
        let ended = loop {
            match poll_fn(|cx| self.poll_next(cx)).await {
                Next::Stopped => break Ended::Stopped,
                Next::ListenerEnded => break Ended::ListenerEnded,
                Next::Delivery(delivery, slot) => self.take(delivery, slot).await,
            }
        };
        self.drain(ended).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        loop {
            if self.stop.poll_stopped(cx).is_ready() {
                return Poll::Ready(Next::Stopped);
            }
            if self.slot.is_none() {
                self.slot = Some(ready!(Slot::poll_take(&self.worker, cx)));
            }
            match ready!(self.listener.poll_next(cx)) {
                None => return Poll::Ready(Next::ListenerEnded),
                Some(Err(error)) => {
                    tracing::error!(target: "rpc_core::server", %error, "listening failed, and goes on");
                }
                Some(Ok(delivery)) => {
                    if let Some(slot) = self.slot.take() {
                        return Poll::Ready(Next::Delivery(delivery, slot));
                    }
                }
            }
        }
    }

    async fn take(&mut self, delivery: Box<dyn Delivery>, slot: Slot) {
        self.worker.counters.taken.add_one();
        // What comes back is judged by the acknowledgement rules; only what comes twice is a duplicate.
        let duplicate = !delivery.redelivered() && self.duplicates.seen(delivery.request().id);
        let span = tracing::enabled!(target: "rpc_core::server", tracing::Level::INFO)
            .then(|| span(&*delivery));
        let incoming = Incoming::new(delivery, slot);
        let message = process(incoming, duplicate);
        match (self.inline, span) {
            (true, None) => self.inline(message).await,
            (true, Some(span)) => self.inline(message.instrument(span)).await,
            (false, None) => drop(tokio::spawn(message)),
            (false, Some(span)) => drop(tokio::spawn(message.instrument(span))),
        }
    }

    /// Runs a message in the loop's own task, which then also has to mind the drain limit.
    async fn inline(&mut self, message: impl Future<Output = ()>) {
        let too_long = async {
            self.stop.stopped().await;
            sleep(self.drain_limit).await;
        };
        tokio::select! {
            biased;
            () = message => {}
            () = too_long => self.cut_off += 1,
        }
    }

    async fn drain(mut self, ended: Ended) -> Report {
        self.slot = None;
        let stopping = timeout(CLOSE, self.listener.stop_taking()).await;
        if stopping.is_err() {
            tracing::warn!(target: "rpc_core::server", "the transport is slow to stop the listener");
        }
        let slots = &self.worker.slots;
        let running = slots.taken();
        let drained = timeout(self.drain_limit, poll_fn(|cx| slots.poll_idle(cx))).await;
        let cut_off = if drained.is_ok() { 0 } else { slots.taken() };
        if cut_off > 0 {
            tracing::warn!(target: "rpc_core::server", cut_off, limit = ?self.drain_limit, "drain limit reached");
            slots.cut_off();
            let _ = timeout(CUT_OFF, poll_fn(|cx| slots.poll_idle(cx))).await;
        }
        if timeout(CLOSE, self.listener.close()).await.is_err() {
            tracing::warn!(target: "rpc_core::server", "the transport is slow to close the listener");
        }
        let finished = running.saturating_sub(cut_off);
        Report { ended, finished, cut_off: cut_off + self.cut_off }
    }
}

/// The server's span, named and labelled as OpenTelemetry's RPC conventions have it, within the caller's trace.
fn span(delivery: &dyn Delivery) -> tracing::Span {
    let request = delivery.request();
    let trace = request.trace.as_ref();
    tracing::info_span!(
        target: "rpc_core::server",
        "rpc.serve",
        otel.kind = if request.wants_reply { "server" } else { "consumer" },
        rpc.system.name = "oslo",
        rpc.method = %request.method,
        rpc.namespace = request.namespace.as_deref(),
        messaging.message.id = %request.id,
        trace_id = trace.map(|trace| format!("{:032x}", trace.trace_id())),
        parent_span_id = trace.map(|trace| format!("{:016x}", trace.span_id())),
        error.type = tracing::field::Empty,
    )
}
