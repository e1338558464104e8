//! A transport without a broker: one endpoint, called through the same dispatch that a server uses.
//!
//! For testing a service without a broker, and for using one inside its own process.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::client::RpcClient;
use crate::codec::{Codec, DecodeLimits};
use crate::context::Context;
use crate::endpoint::{BoxFuture, Endpoint};
use crate::error::{Ran, SendError, TransportErrorKind};
use crate::maybe_ready::MaybeReady;
use crate::message::Request;
use crate::pending_calls::{CallKey, PendingCalls};
use crate::registry::RegistryBuilder;
use crate::server::process::{
    Dispatcher, MethodFuture, MonitorPace, RequestEvents, ServerId, monitored,
};
use crate::target::Target;
use crate::transport::{
    Capabilities, ConnectionState, Listen, ListenError, Listener, Route, Sent, Transport,
};

struct InProcess {
    service: Arc<Service>,
    pending_calls: PendingCalls,
    state: watch::Sender<ConnectionState>,
}

/// What runs the requests, instead of a server.
struct Service {
    dispatcher: Dispatcher,
    events: RequestEvents,
    monitor_pace: MonitorPace,
}

impl RpcClient {
    /// Creates a client whose calls run on `endpoint`, each as a task of its own. Arguments and results are encoded as
    /// over a broker.
    ///
    /// Failures are logged and shown as by a server with default options: unexpected errors are opaque. There is no
    /// server, though: no acknowledgement, no concurrency limit, and none of a server's layers, serializer and access
    /// policy. Test what depends on those with a [`Server`](crate::Server) over the in-memory transport.
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
            service: Arc::new(Service {
                dispatcher,
                events: RequestEvents::default(),
                monitor_pace: MonitorPace::default(),
            }),
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
            let reason = "an in-process endpoint needs a tokio runtime to run on";
            return Err(SendError::new(TransportErrorKind::Unavailable, Ran::No, reason));
        };
        request.mark_sent();
        let (key, reply) = match request.wants_reply {
            true => Some(self.pending_calls.register(&request)).unzip(),
            false => (None, None),
        };
        let (service, pending_calls) = (Arc::clone(&self.service), self.pending_calls.clone());
        // Boxed, because the runtime moves the future of a task several times.
        let run = Box::pin(async move { service.run(&request, key, &pending_calls).await });
        runtime.spawn(run);
        Ok(Sent { reply, publish: MaybeReady::ready(Ok(())) })
    }

    fn listen(&self, listen: Listen) -> BoxFuture<'_, Result<Box<dyn Listener>, ListenError>> {
        let error = ListenError::new(&listen, "an in-process endpoint has no other servers");
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

impl Service {
    /// Runs a request, and completes the pending call under `key`. A cast has none.
    async fn run(
        &self,
        request: &Arc<Request>,
        key: Option<CallKey>,
        pending_calls: &PendingCalls,
    ) {
        if request.is_expired() || !request.state.start() {
            return;
        }
        let ctx = Context::received(request);
        let method = MethodFuture::new(self.dispatcher.start(request, &ctx), ServerId::NONE);
        let Some(key) = key else {
            if let Err(failure) = method.await {
                self.events.failure(request, &failure);
            }
            return;
        };
        let still_running = || {
            pending_calls.note_still_running(key);
            MaybeReady::ready(Ok(()))
        };
        let mut outcome = match request.monitor {
            Some(period) => {
                monitored(request, period, &self.monitor_pace, still_running, method).await
            }
            None => method.await,
        };
        if let Err(failure) = &mut outcome {
            self.events.outgoing_failure(request, failure);
        }
        pending_calls.complete(key, outcome);
    }
}

fn closed(ran: Ran) -> SendError {
    let reason = "the client of an in-process endpoint was closed";
    SendError::new(TransportErrorKind::Closed, ran, reason)
}
