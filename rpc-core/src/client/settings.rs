//! The settings of a client.

use std::sync::Arc;
use std::time::Duration;

use super::retry::Retry;
use super::target_variants::TargetVariants;
use crate::codec::{Codec, DecodeLimits};
use crate::layer::RpcService;
use crate::message::IdSource;
use crate::serializer::Serializer;
use crate::target::Target;
use crate::transport::{Destination, Route, Transport};
use crate::version::Version;

/// oslo.messaging's `rpc_response_timeout`.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub(super) struct Settings {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) codec: Codec,
    /// Whether a caller that cancels a call before its method started is sure that it never runs.
    pub(super) cancel_is_exact: bool,
    pub(super) min_monitor: Duration,
    pub(super) max_message: usize,
    pub(super) ids: Arc<IdSource>,
    pub(super) target: Target,
    /// The route of the target. `None`: the target has no topic.
    pub(super) route: Option<Arc<Route>>,
    pub(super) timeout: Duration,
    pub(super) monitor: Option<Duration>,
    pub(super) version_cap: Option<Version>,
    pub(super) retry: Retry,
    pub(super) limits: DecodeLimits,
    pub(super) serializer: Option<Arc<dyn Serializer>>,
    /// The layers around the sending, outermost first.
    pub(super) stack: Option<RpcService>,
    pub(super) variants: TargetVariants,
}

impl Settings {
    pub(super) fn new(transport: Arc<dyn Transport>, target: Target) -> Self {
        let capabilities = transport.capabilities();
        let mut settings = Self {
            codec: transport.codec(),
            cancel_is_exact: capabilities.cancel_is_exact,
            min_monitor: capabilities.min_monitor.unwrap_or_default(),
            max_message: capabilities.max_message.unwrap_or(usize::MAX),
            transport,
            ids: Arc::new(IdSource::new()),
            target: Target::new(),
            route: None,
            timeout: DEFAULT_TIMEOUT,
            monitor: None,
            version_cap: None,
            retry: Retry::never(),
            limits: DecodeLimits::new(),
            serializer: None,
            stack: None,
            variants: TargetVariants::default(),
        };
        settings.set_target(target);
        settings
    }

    /// Sets the target and its route. Fanout takes precedence over a server name, as in oslo.messaging's `_send`.
    pub(super) fn set_target(&mut self, target: Target) {
        let destination = match &target.server {
            _ if target.fanout => Destination::Fanout,
            Some(server) => Destination::Server(server.clone()),
            None => Destination::Any,
        };
        let topic = target.topic.clone().filter(|topic| !topic.is_empty());
        self.route = topic.map(|topic| {
            Arc::new(Route::new(topic, destination).with_exchange(target.exchange.clone()))
        });
        self.target = target;
    }

    /// Returns whether calls take the fast path.
    pub(super) fn is_plain(&self) -> bool {
        self.stack.is_none() && self.retry.is_never()
    }
}
