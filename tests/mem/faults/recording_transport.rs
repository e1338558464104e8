//! A transport that records what servers and clients do with it, and can be slow to confirm.

use std::sync::Arc;
use std::time::Duration;

use rpc_core::error::SendError;
use rpc_core::transport::{AckError, Delivery, ReplyError, Route, Sent};
use rpc_core::{MaybeReady, Outcome, Request, Transport};
use rpc_tests::support::intercept::{Intercept, Intercepted};
use tokio::time::sleep;

use crate::history::{DeliveryNo, EventKind, History, ServerNo};

pub(crate) type RecordingTransport = Intercepted<Recording>;

#[derive(Clone)]
pub(crate) struct Recording {
    pub(crate) history: History,
    /// How long acknowledgements and replies take to be confirmed.
    pub(crate) confirming: Option<Duration>,
    /// The server that consumes through it.
    pub(crate) server: ServerNo,
}

/// The name of the context entry that holds the number of the call.
pub(crate) const CALL: &str = "call";

pub(crate) fn number(request: &Request) -> u32 {
    let number = request.entries.get(CALL).and_then(|call| call.as_i64());
    number.and_then(|number| u32::try_from(number).ok()).expect("every call has a number")
}

/// A delivery that its server holds; recorded as left when it is dropped.
pub(crate) struct TrackedDelivery {
    number: DeliveryNo,
    history: History,
}

impl Drop for TrackedDelivery {
    fn drop(&mut self) {
        self.history.record(EventKind::Left { delivery: self.number });
    }
}

impl Recording {
    /// Records the result at once, and lets the server know after a while.
    fn confirmed<E: Send + Unpin + 'static>(
        &self,
        pending: MaybeReady<Result<(), E>>,
        event: impl FnOnce(bool) -> EventKind,
    ) -> MaybeReady<Result<(), E>> {
        let MaybeReady::Ready(Some(done)) = pending else { panic!("`mem` is always ready") };
        self.history.record(event(done.is_ok()));
        match self.confirming {
            None => MaybeReady::ready(done),
            Some(time) => MaybeReady::pending(async move {
                sleep(time).await;
                done
            }),
        }
    }
}

impl Intercept for Recording {
    type Kept = TrackedDelivery;

    fn delivered(&self, delivery: &dyn Delivery) -> TrackedDelivery {
        let (server, request) = (self.server, delivery.request());
        let (call, wants_reply) = (number(request), request.wants_reply);
        let redelivered = delivery.redelivered();
        let number = self.history.record_with(|delivery| EventKind::Delivered {
            delivery,
            server,
            call,
            redelivered,
            wants_reply,
        });
        TrackedDelivery { number, history: self.history.clone() }
    }

    fn send(
        &self,
        inner: &dyn Transport,
        route: &Route,
        request: Arc<Request>,
    ) -> Result<Sent, SendError> {
        self.history.record(EventKind::Sent { call: number(&request), id: request.id });
        inner.send(route, request)
    }

    fn ack(
        &self,
        held: &TrackedDelivery,
        inner: &mut dyn Delivery,
    ) -> MaybeReady<Result<(), AckError>> {
        let delivery = held.number;
        self.confirmed(inner.ack(), |ok| EventKind::Acknowledged { delivery, ok })
    }

    fn reply(
        &self,
        held: &TrackedDelivery,
        inner: &mut dyn Delivery,
        outcome: Outcome,
    ) -> MaybeReady<Result<(), ReplyError>> {
        let failure = outcome.as_ref().err().map(|failure| failure.kind());
        let delivery = held.number;
        self.confirmed(inner.reply(outcome), |ok| EventKind::Answered { delivery, failure, ok })
    }
}
