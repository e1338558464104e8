//! A transport without messages: one endpoint, called through the same dispatch that a server uses.
//!
//! For testing a service without a broker, and for using one inside its own process.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::dispatch::{Dispatcher, Guarded};
use super::heartbeat;
use super::inside::ServerId;
use super::worker::Worker;
use crate::client::RpcClient;
use crate::codec::{Codec, DecodeLimits};
use crate::context::Context;
use crate::endpoint::{BoxFuture, Endpoint};
use crate::error::{Ran, SendError, TransportErrorKind};
use crate::maybe_ready::MaybeReady;
use crate::message::Request;
use crate::pending_calls::PendingCalls;
use crate::registry::RegistryBuilder;
use crate::target::Target;
use crate::transport::{
    Capabilities, ConnectionState, Listen, ListenError, Listener, Route, Sent, Transport,
};

struct InProcess {
    worker: Arc<Worker>,
    pending_calls: PendingCalls,
    state: watch::Sender<ConnectionState>,
}

impl RpcClient {
    /// A client whose calls run on `endpoint`, each as a task of its own, with the arguments and results really encoded.
    ///
    /// Failures are logged and shown as by a server with default options: unexpected errors are opaque. There is no
    /// server, though: no acknowledgement, no limit on tasks, and none of a server's layers, serializer and access policy.
    /// What depends on those is tested with a [`Server`](crate::Server) over the transport in memory.
    ///
    /// To share the endpoint with its client, as an [`Arc`], name the endpoint's type:
    ///
    /// ```
    /// # use rpc_core::{Context, endpoint};
    /// # struct Counter;
    /// # #[endpoint]
    /// # impl Counter {
    /// #     pub fn count(&self, _ctx: &Context) {}
    /// # }
    /// use std::sync::Arc;
    ///
    /// use rpc_core::RpcClient;
    ///
    /// let counter = Arc::new(Counter);
    /// let client = CounterClient::from(RpcClient::in_process::<Counter>(Arc::clone(&counter)));
    /// # drop(client);
    /// ```
    pub fn in_process<E: Endpoint + Send + Sync>(endpoint: impl Into<Arc<E>>) -> Self {
        let mut endpoints = RegistryBuilder::default();
        endpoints.add(endpoint.into());
        let registry = endpoints.build_first_wins();
        let dispatcher =
            Dispatcher { registry, limits: DecodeLimits::new(), policy: None, serializer: None };
        let transport: Arc<dyn Transport> = Arc::new(InProcess {
            worker: Arc::new(Worker::alone(dispatcher)),
            pending_calls: PendingCalls::new(),
            state: watch::Sender::new(ConnectionState::Connected),
        });
        Self::new(transport, Target::topic(E::DESCRIPTOR.name))
    }
}

impl Transport for InProcess {
    fn codec(&self) -> Codec {
        Codec::MessagePack
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { cancel: true, cancel_is_exact: true, ..Capabilities::default() }
    }

    fn send(&self, _: &Route, request: Arc<Request>) -> Result<Sent, SendError> {
        if *self.state.borrow() == ConnectionState::Closed {
            return Err(closed(Ran::No));
        }
        let Ok(runtime) = Handle::try_current() else {
            let reason = "an endpoint called in process needs a tokio runtime to run on";
            return Err(SendError::new(TransportErrorKind::Unavailable, Ran::No, reason));
        };
        request.mark_sent();
        let (key, reply) = match request.wants_reply {
            true => Some(self.pending_calls.register(&request)).unzip(),
            false => (None, None),
        };
        let (worker, pending_calls) = (Arc::clone(&self.worker), self.pending_calls.clone());
        runtime.spawn(async move {
            if request.is_expired() || !request.progress.claim() {
                return;
            }
            let ctx = Context::of(&request);
            let method = Guarded::new(worker.dispatcher.begin(&request, &ctx), ServerId::NONE);
            let Some(key) = key else {
                if let Err(failure) = method.await {
                    worker.note(&request, &failure);
                }
                return;
            };
            let heartbeat = || {
                pending_calls.note_still_running(key);
                MaybeReady::ready(Ok(()))
            };
            let mut outcome = match request.monitor {
                Some(period) => heartbeat::beside(&request, period, heartbeat, method).await,
                None => method.await,
            };
            if let Err(failure) = &mut outcome {
                worker.note_outgoing(&request, failure);
            }
            pending_calls.complete(key, outcome);
        });
        Ok(Sent { reply, publish: MaybeReady::ready(Ok(())) })
    }

    fn listen(&self, listen: Listen) -> BoxFuture<'_, Result<Box<dyn Listener>, ListenError>> {
        let error = ListenError::new(&listen, "an endpoint called in process has no other servers");
        Box::pin(std::future::ready(Err(error)))
    }

    fn state(&self) -> watch::Receiver<ConnectionState> {
        self.state.subscribe()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.state.send_replace(ConnectionState::Closed);
        self.pending_calls.fail_all(&closed(Ran::Unknown));
        Box::pin(std::future::ready(()))
    }
}

fn closed(ran: Ran) -> SendError {
    let reason = "the client of an endpoint in process was closed";
    SendError::new(TransportErrorKind::Closed, ran, reason)
}
