//! A transport that notes what servers and clients do with it, and can be slow to confirm.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rpc_core::error::SendError;
use rpc_core::transport::{
    AckError, Capabilities, ConnectionState, Delivery, Listen, ListenError, Listener, ReplyError,
    Route, Sent,
};
use rpc_core::{BoxFuture, Codec, MaybeReady, Outcome, Request, Transport};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::history::{DeliveryNo, History, ServerNo, What};

#[derive(Clone)]
pub(crate) struct Tap {
    pub(crate) inner: Arc<dyn Transport>,
    pub(crate) history: History,
    pub(crate) confirming: Option<Duration>,
    /// Who listens through it.
    pub(crate) server: ServerNo,
}

/// The entry of the context that says which call it is.
pub(crate) const CALL: &str = "call";

pub(crate) fn number(request: &Request) -> u32 {
    let number = request.entries.get(CALL).and_then(|call| call.as_i64());
    number.and_then(|number| u32::try_from(number).ok()).expect("every call has a number")
}

impl From<Tap> for Arc<dyn Transport> {
    fn from(tap: Tap) -> Self {
        Arc::new(tap) as Self
    }
}

impl Transport for Tap {
    fn codec(&self) -> Codec {
        self.inner.codec()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn send(&self, route: &Route, request: Arc<Request>) -> Result<Sent, SendError> {
        self.history.note(What::Sent { call: number(&request), id: request.id });
        self.inner.send(route, request)
    }

    fn listen(&self, listen: Listen) -> BoxFuture<'_, Result<Box<dyn Listener>, ListenError>> {
        Box::pin(async move {
            let inner = self.inner.listen(listen).await?;
            Ok(Box::new(Ear { inner, tap: self.clone() }) as Box<dyn Listener>)
        })
    }

    fn state(&self) -> watch::Receiver<ConnectionState> {
        self.inner.state()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.inner.close()
    }
}

struct Ear {
    inner: Box<dyn Listener>,
    tap: Tap,
}

impl Listener for Ear {
    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Box<dyn Delivery>, ListenError>>> {
        let tap = &self.tap;
        self.inner.poll_next(cx).map_ok(|inner| {
            let (server, request) = (tap.server, inner.request());
            let (call, wants_reply) = (number(request), request.wants_reply);
            let redelivered = inner.redelivered();
            let number = tap.history.delivered(|delivery| What::Delivered {
                delivery,
                server,
                call,
                redelivered,
                wants_reply,
            });
            Box::new(Parcel { inner, number, tap: tap.clone() }) as Box<dyn Delivery>
        })
    }

    fn stop_consuming(&mut self) -> MaybeReady<()> {
        self.inner.stop_consuming()
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        self.inner.close()
    }
}

struct Parcel {
    inner: Box<dyn Delivery>,
    number: DeliveryNo,
    tap: Tap,
}

impl Parcel {
    /// Notes what came of it at once, and lets the server know after a while.
    fn confirmed<E: Send + Unpin + 'static>(
        &self,
        doing: MaybeReady<Result<(), E>>,
        note: impl FnOnce(bool) -> What,
    ) -> MaybeReady<Result<(), E>> {
        let MaybeReady::Ready(Some(done)) = doing else { panic!("`mem` is always done at once") };
        self.tap.history.note(note(done.is_ok()));
        match self.tap.confirming {
            None => MaybeReady::ready(done),
            Some(time) => MaybeReady::pending(async move {
                sleep(time).await;
                done
            }),
        }
    }
}

impl Delivery for Parcel {
    fn request(&self) -> &Arc<Request> {
        self.inner.request()
    }

    fn redelivered(&self) -> bool {
        self.inner.redelivered()
    }

    fn ack(&mut self) -> MaybeReady<Result<(), AckError>> {
        let (doing, delivery) = (self.inner.ack(), self.number);
        self.confirmed(doing, |ok| What::Acknowledged { delivery, ok })
    }

    fn requeue(self: Box<Self>) {}

    fn still_running(&mut self) -> MaybeReady<Result<(), ReplyError>> {
        self.inner.still_running()
    }

    fn reply(&mut self, outcome: Outcome) -> MaybeReady<Result<(), ReplyError>> {
        let failure = outcome.as_ref().err().map(|failure| failure.kind());
        let (doing, delivery) = (self.inner.reply(outcome), self.number);
        self.confirmed(doing, |ok| What::Answered { delivery, failure, ok })
    }
}

impl Drop for Parcel {
    fn drop(&mut self) {
        self.tap.history.note(What::Left { delivery: self.number });
    }
}
