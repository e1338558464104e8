//! A transport that keeps what was delivered from its server until a gate is opened.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use rpc_core::error::SendError;
use rpc_core::transport::{
    Capabilities, ConnectionState, Delivery, Listen, ListenError, Listener, Route, Sent,
};
use rpc_core::{BoxFuture, Codec, MaybeReady, Request, Transport};
use tokio::sync::watch;

#[derive(Clone)]
pub(crate) struct Gated {
    inner: Arc<dyn Transport>,
    gate: Arc<Mutex<Gate>>,
}

#[derive(Default)]
struct Gate {
    is_open: bool,
    /// Something has been delivered and waits.
    keeps: bool,
    waiting: Option<Waker>,
}

impl Gated {
    pub(crate) fn new(inner: impl Into<Arc<dyn Transport>>) -> Self {
        Self { inner: inner.into(), gate: Arc::default() }
    }

    pub(crate) fn keeps(&self) -> bool {
        lock(&self.gate).keeps
    }

    pub(crate) fn open(&self) {
        let mut gate = lock(&self.gate);
        gate.is_open = true;
        if let Some(waiting) = gate.waiting.take() {
            waiting.wake();
        }
    }
}

fn lock(gate: &Mutex<Gate>) -> MutexGuard<'_, Gate> {
    gate.lock().unwrap_or_else(PoisonError::into_inner)
}

impl From<Gated> for Arc<dyn Transport> {
    fn from(gated: Gated) -> Self {
        Arc::new(gated) as Self
    }
}

impl Transport for Gated {
    fn codec(&self) -> Codec {
        self.inner.codec()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn send(&self, route: &Route, request: Arc<Request>) -> Result<Sent, SendError> {
        self.inner.send(route, request)
    }

    fn listen(&self, listen: Listen) -> BoxFuture<'_, Result<Box<dyn Listener>, ListenError>> {
        Box::pin(async move {
            let inner = self.inner.listen(listen).await?;
            let gate = Arc::clone(&self.gate);
            Ok(Box::new(Ear { inner, kept: None, gate }) as Box<dyn Listener>)
        })
    }

    fn state(&self) -> watch::Receiver<ConnectionState> {
        self.inner.state()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.inner.close()
    }
}

type Next = Option<Result<Box<dyn Delivery>, ListenError>>;

struct Ear {
    inner: Box<dyn Listener>,
    kept: Option<Next>,
    gate: Arc<Mutex<Gate>>,
}

impl Listener for Ear {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        if self.kept.is_none() {
            self.kept = Some(ready!(self.inner.poll_next(cx)));
        }
        let mut gate = lock(&self.gate);
        gate.keeps = true;
        match (gate.is_open, self.kept.take()) {
            (true, Some(next)) => Poll::Ready(next),
            (_, kept) => {
                self.kept = kept;
                gate.waiting = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    fn stop_consuming(&mut self) -> MaybeReady<()> {
        self.inner.stop_consuming()
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        self.inner.close()
    }
}
