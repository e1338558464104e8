//! Configures a client.

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

/// Sets up a client of type `C`: an [`RpcClient`] or a generated one.
///
/// What is not set keeps its value. The `no_…` methods clear a setting, as passing `None` to oslo.messaging's `prepare`
/// does.
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

    /// Changes some fields of the target.
    pub fn target(mut self, change: TargetChange) -> Self {
        let target = self.settings.target.replace(change);
        self.settings.set_target(target);
        self
    }

    /// Sets the topic.
    pub fn topic(self, topic: impl Into<Cow<'static, str>>) -> Self {
        self.target(TargetChange::new().topic(topic))
    }

    /// Sets the exchange. Default: the transport's default exchange.
    pub fn exchange(self, exchange: impl Into<Cow<'static, str>>) -> Self {
        self.target(TargetChange::new().exchange(exchange))
    }

    /// Uses the transport's default exchange.
    pub fn no_exchange(self) -> Self {
        self.target(TargetChange::new().no_exchange())
    }

    /// Sends calls to the server with this name only.
    pub fn server(self, server: impl Into<Cow<'static, str>>) -> Self {
        self.target(TargetChange::new().server(server))
    }

    /// Sends calls to any server of the topic.
    pub fn no_server(self) -> Self {
        self.target(TargetChange::new().no_server())
    }

    /// Sets whether to reach all servers of the topic. Only casts can.
    pub fn fanout(self, fanout: bool) -> Self {
        self.target(TargetChange::new().fanout(fanout))
    }

    /// Sets the namespace, instead of the one that a generated client asks for.
    pub fn namespace(self, namespace: impl Into<Cow<'static, str>>) -> Self {
        self.target(TargetChange::new().namespace(namespace))
    }

    /// Uses the null namespace, or the one that a generated client asks for.
    pub fn no_namespace(self) -> Self {
        self.target(TargetChange::new().no_namespace())
    }

    /// Sets the version to ask for, instead of the one that a generated client derives from the arguments.
    pub fn version(self, version: Version) -> Self {
        self.target(TargetChange::new().version(version))
    }

    /// Asks for version 1.0, or for the one that a generated client derives from the arguments.
    pub fn no_version(self) -> Self {
        self.target(TargetChange::new().no_version())
    }

    /// Sets how long a call may take from its first poll to its end, connecting and sending included. Default: 60 s.
    ///
    /// For casts it limits the publishing. A call made with a received context has no more time than is left of that
    /// context's deadline.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// Monitors calls: the server must report at least once in every `period` that the method is still running.
    ///
    /// A call without a report within the period fails with a [`Timeout`](crate::error::Timeout). Use it for long calls
    /// whose server may die. This is oslo.messaging's call monitoring. Default: off.
    pub fn monitor(mut self, period: Duration) -> Self {
        self.settings.monitor = Some(period);
        self
    }

    /// Turns call monitoring off.
    pub fn no_monitor(mut self) -> Self {
        self.settings.monitor = None;
        self
    }

    /// Rejects calls that a server of this version would not serve. Default: no cap.
    pub fn version_cap(mut self, cap: Version) -> Self {
        self.settings.version_cap = Some(cap);
        self
    }

    /// Removes the version cap.
    pub fn no_version_cap(mut self) -> Self {
        self.settings.version_cap = None;
        self
    }

    /// Sets how often a call that did not run is sent again. Default: never.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.settings.retry = retry;
        self
    }

    /// Sets the size and the depth up to which replies are decoded. Default: [`DecodeLimits::new`].
    pub fn limits(mut self, limits: DecodeLimits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// Sets a serializer, which rewrites contexts, arguments and results. Default: none.
    pub fn serializer(mut self, serializer: impl Serializer) -> Self {
        self.settings.serializer = Some(Arc::new(serializer));
        self
    }

    /// Wraps every call into a tower layer, around the layers added before.
    ///
    /// [`from_fn`](crate::layer::from_fn) makes a layer from a function. An error of the layer's own ends the call as a
    /// [transport error](crate::CallError::Transport) of the kind [`Layer`](crate::error::TransportErrorKind::Layer). Its
    /// `ran` is `No` where the call was not sent yet, and `Unknown` otherwise.
    pub fn layer(mut self, layer: impl RpcLayer) -> Self {
        self.settings.stack = Some(RpcService::layered(&layer, self.settings.stack.take()));
        self
    }

    /// Builds the client.
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
