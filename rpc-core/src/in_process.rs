//! A transport without messages: one endpoint, called through the same dispatch that a server uses.
//!
//! For testing a service without a broker, and for using one inside its own process.

use std::sync::Arc;

use tokio::sync::watch;

use crate::client::RpcClient;
use crate::codec::{Codec, Limits};
use crate::context::Context;
use crate::dispatch::{Dispatcher, Guarded};
use crate::endpoint::{BoxFuture, Endpoint};
use crate::error::SendError;
use crate::eventual::Eventual;
use crate::message::Request;
use crate::registry::RegistryBuilder;
use crate::server::heartbeat;
use crate::server::inside::ServerId;
use crate::target::Target;
use crate::transport::{
    Capabilities, ConnectionState, Listen, ListenError, Listener, Route, Sent, Transport,
};
use crate::waiters::Waiters;

struct InProcess {
    dispatcher: Arc<Dispatcher>,
    waiters: Waiters,
    state: watch::Sender<ConnectionState>,
}

impl RpcClient {
    /// A client whose calls run on `endpoint`, each as a task of its own, with the arguments and results really encoded.
    ///
    /// There is no server: no acknowledgement, no limit on tasks, and none of a server's layers, serializer and access
    /// policy. Unexpected errors come with their texts and causes, as from a server with
    /// [`expose_errors(true)`](crate::server::ServerBuilder::expose_errors). What depends on those is tested with a
    /// [`Server`](crate::Server) over the transport in memory.
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
    ///
    /// # Panics
    ///
    /// Does not; but its calls do where they are awaited outside of a tokio runtime.
    pub fn in_process<E: Endpoint + Send + Sync>(endpoint: impl Into<Arc<E>>) -> Self {
        let mut endpoints = RegistryBuilder::default();
        endpoints.add(endpoint.into());
        let registry = endpoints.build_first_wins();
        let dispatcher =
            Dispatcher { registry, limits: Limits::new(), policy: None, serializer: None };
        let transport: Arc<dyn Transport> = Arc::new(InProcess {
            dispatcher: Arc::new(dispatcher),
            waiters: Waiters::new(),
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
        Capabilities { cancel: true, exact_cancel: true, ..Capabilities::default() }
    }

    fn send(&self, _: &Route, request: Arc<Request>) -> Result<Sent, SendError> {
        request.mark_sent();
        let (key, replies) = match request.wants_reply {
            true => Some(self.waiters.register(&request)).unzip(),
            false => (None, None),
        };
        let (dispatcher, waiters) = (Arc::clone(&self.dispatcher), self.waiters.clone());
        tokio::spawn(async move {
            if request.is_expired() || !request.progress.claim() {
                return;
            }
            let ctx = Context::of(&request);
            let method = Guarded::new(dispatcher.begin(&request, &ctx), ServerId::NONE);
            let Some(key) = key else { return drop(method.await) };
            let heartbeat = || {
                waiters.heartbeat(key);
                Eventual::ready(Ok(()))
            };
            let outcome = match request.monitor {
                Some(period) => heartbeat::beside(&request, period, heartbeat, method).await,
                None => method.await,
            };
            waiters.complete(key, outcome);
        });
        Ok(Sent { replies, hand_over: Eventual::ready(Ok(())) })
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
        Box::pin(std::future::ready(()))
    }
}
