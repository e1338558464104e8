//! The transport itself: a handle on what the crate keeps going.

use std::fmt;
use std::sync::Arc;

use rpc_core::error::SendError;
use rpc_core::transport::{
    Capabilities, ConnectError, ConnectionState, Listen, ListenError, Listener, Route, Sent,
    Transport,
};
use rpc_core::{BoxFuture, Codec, Request};
use tokio::sync::{mpsc, watch};

use crate::client::destination::Target;
use crate::client::send;
use crate::config::AmqpBuilder;
use crate::config::Form;
use crate::factory::AmqpFactory;
use crate::hub::Hub;
use crate::random;
use crate::server::consume_loop::Pump;
use crate::server::listener::AmqpListener;
use crate::server::prefetch::Window;
use crate::topology::queues::Ears;
use crate::wire::{self, names, oslo};

/// RabbitMQ, as one program sees it: two connections, one reply queue, and whatever its servers listen on.
///
/// It connects when it is first used, and again whenever a connection breaks. Clones are handles on the same transport. When
/// the last one is dropped the transport is closed, as by [`close`](Transport::close), which also waits until that is done.
///
/// ```no_run
/// use rpc_core::{RpcClient, Target};
/// use rpc_transport_amqp::AmqpTransport;
///
/// # fn main() -> Result<(), rpc_core::transport::ConnectError> {
/// let transport = AmqpTransport::from_url("amqp://user:password@localhost/")?;
/// let client = RpcClient::new(transport, Target::topic("bank"));
/// # drop(client);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct AmqpTransport(Arc<Handle>);

/// What the user's handles share. Tasks hold the hub alone, so that they do not keep the transport open.
struct Handle {
    hub: Arc<Hub>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        drop(self.hub.close());
    }
}

impl AmqpTransport {
    /// The transport for a URL; [`AmqpBuilder`] says which there are. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// The URL cannot be understood, and why. Passwords in it are never shown.
    pub fn from_url(url: &str) -> Result<Self, ConnectError> {
        AmqpBuilder::from_url(url).map(AmqpBuilder::build)
    }

    /// Makes transports from `amqp:`, `amqps:` and `rabbit:` URLs, for [`Transports`](rpc_core::Transports).
    #[must_use]
    pub fn factory() -> AmqpFactory {
        AmqpFactory::new()
    }

    pub(crate) fn over(hub: Arc<Hub>) -> Self {
        Self(Arc::new(Handle { hub }))
    }

    /// How many calls wait for an answer: a gauge that returns to zero.
    #[must_use]
    pub fn pending_calls(&self) -> usize {
        self.hub().pending_calls.len()
    }

    fn hub(&self) -> &Arc<Hub> {
        &self.0.hub
    }

    fn target(&self, route: &Route) -> Arc<Target> {
        let transport = self.hub().id;
        if let Some(remembered) = route.cached::<Remembered>()
            && remembered.transport == transport
        {
            return Arc::clone(&remembered.target);
        }
        let target = self.hub().targets.of(&self.hub().config, route);
        route.remember(Remembered { transport, target: Arc::clone(&target) });
        target
    }

    async fn listen_on(&self, listen: Listen) -> Result<Box<dyn Listener>, ListenError> {
        let hub = self.hub();
        if hub.is_closed() {
            return Err(ListenError::new(&listen, "the RabbitMQ transport has been closed"));
        }
        hub.begin();
        let queues = Ears::of(&hub.config, &listen, &random::name());
        if let Some(name) = queues.names().find(|name| !names::fits(name)) {
            let reason = format!(
                "the name of one of its queues or exchanges takes {} bytes, and AMQP takes {}",
                name.len(),
                names::LONGEST
            );
            return Err(ListenError::new(&listen, reason));
        }
        let window = Arc::new(Window::default());
        let (orders, ordered) = mpsc::unbounded_channel();
        let listener =
            AmqpListener::new(self.clone(), Arc::clone(hub), Arc::clone(&window), orders);
        Pump::begin(Arc::clone(hub), listen, queues, window, ordered).await?;
        Ok(Box::new(listener))
    }
}

/// What a route remembers; a client's route may come to another transport.
struct Remembered {
    transport: u64,
    target: Arc<Target>,
}

impl Transport for AmqpTransport {
    fn codec(&self) -> Codec {
        match self.hub().config.form {
            Form::Native => Codec::MessagePack,
            Form::Oslo => Codec::Json,
        }
    }

    fn capabilities(&self) -> Capabilities {
        let config = &self.hub().config;
        let mut capabilities = Capabilities::default();
        capabilities.detects_missing_server = true;
        capabilities.at_least_once = true;
        capabilities.cancel = config.form == Form::Native;
        capabilities.expires_in_queue = true;
        capabilities.min_monitor = Some(match config.form {
            Form::Native => wire::MIN_MONITOR,
            Form::Oslo => oslo::SHORTEST_MONITOR,
        });
        capabilities.max_message = Some(config.max_message);
        capabilities
    }

    fn send(&self, route: &Route, request: Arc<Request>) -> Result<Sent, SendError> {
        let target = self.target(route);
        send::send(self.hub(), target, request)
    }

    fn listen(&self, listen: Listen) -> BoxFuture<'_, Result<Box<dyn Listener>, ListenError>> {
        Box::pin(self.listen_on(listen))
    }

    fn state(&self) -> watch::Receiver<ConnectionState> {
        self.hub().state.subscribe()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.hub().close())
    }
}

impl From<AmqpTransport> for Arc<dyn Transport> {
    fn from(transport: AmqpTransport) -> Self {
        Arc::new(transport) as Self
    }
}

impl fmt::Debug for AmqpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AmqpTransport")
            .field("state", &*self.hub().state.borrow())
            .field("pending_calls", &self.pending_calls())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_client_asks_for_a_call_monitor_period_that_servers_do_not_keep() {
        for (url, shortest) in [("amqp://h", 100), ("rabbit://h", 2000)] {
            let capabilities = AmqpTransport::from_url(url).unwrap().capabilities();
            let shortest = std::time::Duration::from_millis(shortest);
            assert_eq!(capabilities.min_monitor, Some(shortest), "{url}");
        }
    }
}
