//! The transport: a handle that builds the client half and the server half and joins them.

use std::fmt;
use std::sync::Arc;

use rpc_core::error::SendError;
use rpc_core::transport::{
    Capabilities, ConnectError, ConnectionState, Listen, ListenError, Listener, Route, Sent,
    Transport,
};
use rpc_core::{BoxFuture, Codec, Request};
use tokio::sync::watch;

use crate::client::Caller;
use crate::config::{AmqpBuilder, Config};
use crate::factory::AmqpFactory;
use crate::lifecycle::Lifecycle;
use crate::publish::{ConfirmedPublisher, PublisherSupervisor};
use crate::server::{CancelQueue, Serving};
use crate::topology::QueueStatusReader;

/// A RabbitMQ transport: a connection that publishes, one that consumes, a reply queue, and the consumers of its servers.
///
/// It connects when it is first used, and reconnects whenever a connection breaks. Clones are handles on the same transport.
/// Dropping the last handle closes the transport, like [`close`](Transport::close), which also waits until that is done.
///
/// Of the two connections one publishes and one consumes. A third one is opened while the broker blocks the publishing one: it
/// looks up queues and does nothing else. Where the broker grants only two connections, the transport works without it.
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
pub struct AmqpTransport(Arc<Inner>);

impl AmqpBuilder {
    /// Builds the transport. It connects when it is first used.
    #[must_use]
    pub fn build(self) -> AmqpTransport {
        AmqpTransport::new(self.into_config())
    }
}

/// What the user's handles share. Tasks hold its parts alone, so that they do not keep the transport open.
struct Inner {
    lifecycle: Arc<Lifecycle>,
    caller: Arc<Caller>,
    serving: Arc<Serving>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        drop(self.close());
    }
}

impl Inner {
    fn new(config: &Arc<Config>) -> Self {
        let lifecycle = Lifecycle::new(config);
        let publisher = PublisherSupervisor::new(Arc::clone(&lifecycle.publishing));
        let confirmed = ConfirmedPublisher::new(Arc::clone(&publisher));
        let queue_status = Arc::new(QueueStatusReader::new(
            Arc::clone(&lifecycle.publishing),
            Arc::clone(&lifecycle.checking),
        ));
        let serving = Serving::new(
            config,
            Arc::clone(&lifecycle.consuming),
            Arc::clone(&publisher),
            Arc::clone(&confirmed),
            Arc::clone(&queue_status),
            lifecycle.closing.clone(),
            lifecycle.tasks.clone(),
        );
        let on_cancel = Arc::clone(&serving);
        let caller = Caller::new(
            config,
            Arc::clone(&lifecycle.consuming),
            publisher,
            confirmed,
            queue_status,
            lifecycle.closing.clone(),
            Box::new(move |call| on_cancel.cancel(call)),
        );
        Self { lifecycle, caller, serving }
    }

    /// Starts to connect and to run what runs as long as the transport does, once.
    fn start(&self) {
        let Self { lifecycle, caller, serving } = self;
        lifecycle.start(|| {
            let publisher = Arc::clone(&caller.publisher);
            tokio::spawn(async move { publisher.run().await });
            let replies = Arc::clone(caller);
            lifecycle.tasks.spawn(async move { replies.consume_replies().await });
            let watching = Arc::clone(caller);
            lifecycle.spawn_until_closed(async move { watching.watch_consumers().await });
            let watching = Arc::clone(caller);
            lifecycle.spawn_until_closed(async move { watching.watch_servers().await });
            let (serving, caller) = (Arc::clone(serving), Arc::clone(caller));
            let queue: CancelQueue = Box::new(move || caller.open_reply_queue());
            lifecycle.spawn_until_closed(async move {
                serving.announce_running_calls(queue).await;
            });
        });
    }

    /// Closes the transport and fails all pending calls.
    fn close(&self) -> impl Future<Output = ()> + 'static {
        let closed = self.lifecycle.close();
        self.caller.fail_pending_calls();
        closed
    }
}

impl AmqpTransport {
    /// Creates a transport from a URL; see [`AmqpBuilder`] for the forms of URLs. It connects when it is first used.
    ///
    /// # Errors
    ///
    /// Fails if the URL cannot be parsed. The error says why, and never shows a password.
    pub fn from_url(url: &str) -> Result<Self, ConnectError> {
        AmqpBuilder::from_url(url).map(AmqpBuilder::build)
    }

    /// Returns the factory for `amqp:`, `amqps:` and `rabbit:` URLs, for [`Transports`](rpc_core::Transports).
    #[must_use]
    pub fn factory() -> AmqpFactory {
        AmqpFactory::new()
    }

    pub(crate) fn new(config: Config) -> Self {
        Self(Arc::new(Inner::new(&Arc::new(config))))
    }

    /// Returns the number of calls that wait for a reply: a gauge that returns to zero.
    #[must_use]
    pub fn pending_calls(&self) -> usize {
        self.0.caller.pending_calls()
    }

    /// Returns how many replies found no call: they came after their call had ended, or somebody has guessed ids.
    #[must_use]
    pub fn unmatched_replies(&self) -> u64 {
        self.0.caller.unmatched_replies()
    }

    fn config(&self) -> &Config {
        &self.0.caller.config
    }

    async fn listen_on(&self, listen: Listen) -> Result<Box<dyn Listener>, ListenError> {
        if self.0.lifecycle.is_closed() {
            return Err(ListenError::new(&listen, "the RabbitMQ transport has been closed"));
        }
        self.0.start();
        let keep_open = Arc::<Inner>::clone(&self.0);
        self.0.serving.listen(listen, keep_open).await
    }
}

impl Transport for AmqpTransport {
    fn codec(&self) -> Codec {
        self.config().dialect.codec()
    }

    fn capabilities(&self) -> Capabilities {
        let config = self.config();
        let mut capabilities = Capabilities::default();
        capabilities.detects_missing_server = true;
        capabilities.at_least_once = true;
        capabilities.cancel = config.dialect.can_cancel();
        capabilities.expires_in_queue = true;
        capabilities.min_monitor = Some(config.dialect.min_monitor());
        capabilities.max_message = Some(config.max_message);
        capabilities
    }

    fn send(&self, route: &Route, request: Arc<Request>) -> Result<Sent, SendError> {
        if !self.0.lifecycle.is_closed() {
            self.0.start();
        }
        self.0.caller.send(route, request)
    }

    fn listen(&self, listen: Listen) -> BoxFuture<'_, Result<Box<dyn Listener>, ListenError>> {
        Box::pin(self.listen_on(listen))
    }

    fn state(&self) -> watch::Receiver<ConnectionState> {
        self.0.lifecycle.state.subscribe()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.0.close())
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
            .field("state", &*self.0.lifecycle.state.borrow())
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
