//! Choosing a client's settings.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use super::RpcClient;
use super::retry::Retry;
use super::settings::Settings;
use crate::codec::DecodeLimits;
use crate::layer::{RpcLayer, RpcService};
use crate::serializer::Serializer;
use crate::target::TargetChange;
use crate::version::Version;

/// Settings for a client of type `C`: an [`RpcClient`] or a generated one.
///
/// What is not set stays as it was; the `no_…` methods clear, as passing `None` to oslo.messaging's `prepare` does.
///
/// ```
/// # use std::time::Duration;
/// # use rpc_core::RpcClient;
/// # fn example(client: RpcClient) {
/// let patient = client.prepare().server("bank-1").timeout(Duration::from_secs(300)).build();
/// # }
/// ```
#[must_use = "settings take effect in the client that `build` makes"]
pub struct ClientBuilder<C> {
    settings: Settings,
    _client: PhantomData<fn() -> C>,
}

impl<C: From<RpcClient>> ClientBuilder<C> {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, _client: PhantomData }
    }

    /// Where calls go: only what the change names.
    pub fn target(mut self, change: TargetChange) -> Self {
        let target = self.settings.target.replace(change);
        self.settings.set_target(target);
        self
    }

    /// The topic.
    pub fn topic(self, topic: impl Into<Cow<'static, str>>) -> Self {
        self.target(TargetChange::new().topic(topic))
    }

    /// The exchange; the transport's default where none is set.
    pub fn exchange(self, exchange: impl Into<Cow<'static, str>>) -> Self {
        self.target(TargetChange::new().exchange(exchange))
    }

    /// The transport's default exchange.
    pub fn no_exchange(self) -> Self {
        self.target(TargetChange::new().no_exchange())
    }

    /// Only the server with this name.
    pub fn server(self, server: impl Into<Cow<'static, str>>) -> Self {
        self.target(TargetChange::new().server(server))
    }

    /// Any server of the topic.
    pub fn no_server(self) -> Self {
        self.target(TargetChange::new().no_server())
    }

    /// Whether to reach all servers of the topic. Only casts can.
    pub fn fanout(self, fanout: bool) -> Self {
        self.target(TargetChange::new().fanout(fanout))
    }

    /// The namespace, in place of the one that a generated client asks for.
    pub fn namespace(self, namespace: impl Into<Cow<'static, str>>) -> Self {
        self.target(TargetChange::new().namespace(namespace))
    }

    /// The null namespace, or the one that a generated client asks for.
    pub fn no_namespace(self) -> Self {
        self.target(TargetChange::new().no_namespace())
    }

    /// The version to ask for, in place of the one that a generated client works out from what it sends.
    pub fn version(self, version: Version) -> Self {
        self.target(TargetChange::new().version(version))
    }

    /// No version of its own: 1.0, or what a generated client works out.
    pub fn no_version(self) -> Self {
        self.target(TargetChange::new().no_version())
    }

    /// How long a call may take from its first poll to its end, connecting and sending included; for casts the time for
    /// handing over. Default 60 s. A call made with a received context has no more than what is left of that one.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// Asks the server for a sign of life at least this often, and gives up when none comes: oslo.messaging's call
    /// monitoring. For long calls whose server may die. Default: off.
    pub fn monitor(mut self, period: Duration) -> Self {
        self.settings.monitor = Some(period);
        self
    }

    /// Asks for no signs of life.
    pub fn no_monitor(mut self) -> Self {
        self.settings.monitor = None;
        self
    }

    /// Refuses to send what a server of this version would not serve. Default: no cap.
    pub fn version_cap(mut self, cap: Version) -> Self {
        self.settings.version_cap = Some(cap);
        self
    }

    /// Sends whatever version is asked for.
    pub fn no_version_cap(mut self) -> Self {
        self.settings.version_cap = None;
        self
    }

    /// How often to send again what did not run. Default: never.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.settings.retry = retry;
        self
    }

    /// How much is decoded of a reply. Default: [`DecodeLimits::new`].
    pub fn limits(mut self, limits: DecodeLimits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// Rewrites context, arguments and results on their way. Default: none.
    pub fn serializer(mut self, serializer: impl Serializer) -> Self {
        self.settings.serializer = Some(Arc::new(serializer));
        self
    }

    /// Wraps every call into a tower layer, around those added before; [`from_fn`](crate::layer::from_fn) makes one from
    /// a function.
    ///
    /// An error of the layer's own ends the call as a [transport error](crate::CallError::Transport) of the kind
    /// [`Layer`](crate::error::TransportErrorKind::Layer). The method did not run where the call had not been sent yet;
    /// otherwise nobody knows.
    pub fn layer(mut self, layer: impl RpcLayer) -> Self {
        self.settings.stack = Some(RpcService::layered(&layer, self.settings.stack.take()));
        self
    }

    /// The client.
    #[must_use]
    pub fn build(self) -> C {
        C::from(RpcClient(Arc::new(self.settings)))
    }
}

impl<C> fmt::Debug for ClientBuilder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("target", &self.settings.target)
            .field("timeout", &self.settings.timeout)
            .finish_non_exhaustive()
    }
}
