//! Configures a server.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::options::Options;
use super::process::{
    AbortRegistry, Dispatcher, MonitorPace, RequestEvents, ServerId, SlowDecoding, UnackedRequests,
};
use super::shared::ServerShared;
use super::{AccessPolicy, BuildError, BuildProblem, Concurrency, Server, StopHandle};
use crate::codec::DecodeLimits;
use crate::endpoint::Endpoint;
use crate::layer::{RpcLayer, RpcService};
use crate::registry::RegistryBuilder;
use crate::serializer::Serializer;
use crate::target::Target;
use crate::transport::delivery_memory::DeliveryMemory;
use crate::transport::{AckMode, Listen, Transport};

/// Collects the endpoints and options of a server.
///
/// ```
/// use std::time::Duration;
///
/// use rpc_core::server::{AckMode, Concurrency};
/// use rpc_core::{Ping, Server, Target, Transport};
/// # use rpc_core::server::BuildError;
///
/// # fn example(transport: std::sync::Arc<dyn Transport>) -> Result<(), BuildError> {
/// let server = Server::builder(transport, Target::topic("bank").server("bank-1"))
///     .endpoint(Ping)
///     .concurrency(Concurrency::Limit(16))
///     .ack_mode(AckMode::AfterReply)
///     .shutdown_timeout(Duration::from_secs(10))
///     .build()?;
/// # drop(server);
/// # Ok(())
/// # }
/// ```
#[must_use = "a server is made by `build`"]
pub struct ServerBuilder {
    transport: Arc<dyn Transport>,
    target: Target,
    endpoints: RegistryBuilder,
    options: Options,
    events: RequestEvents,
    limits: DecodeLimits,
    policy: Option<Box<dyn AccessPolicy>>,
    serializer: Option<Arc<dyn Serializer>>,
    stack: Option<RpcService>,
    stop: StopHandle,
}

impl ServerBuilder {
    pub(super) fn new(transport: Arc<dyn Transport>, target: Target) -> Self {
        Self {
            transport,
            target,
            endpoints: RegistryBuilder::default(),
            options: Options::default(),
            events: RequestEvents::default(),
            limits: DecodeLimits::new(),
            policy: None,
            serializer: None,
            stack: None,
            stop: StopHandle::new(),
        }
    }

    /// Adds an endpoint, or a shared one as an `Arc`. If several could serve a request, the one added first serves it.
    ///
    /// With an `Arc`, name the type of the endpoint:
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
    /// use rpc_core::server::ServerBuilder;
    ///
    /// fn share(one: ServerBuilder, two: ServerBuilder) -> (ServerBuilder, ServerBuilder) {
    ///     let counter = Arc::new(Counter);
    ///     (one.endpoint::<Counter>(Arc::clone(&counter)), two.endpoint::<Counter>(counter))
    /// }
    /// ```
    pub fn endpoint<E: Endpoint + Send + Sync>(mut self, endpoint: impl Into<Arc<E>>) -> Self {
        self.endpoints.add(endpoint.into());
        self
    }

    /// Returns a handle that stops the server to be built, so that one of its endpoints can own it.
    #[must_use]
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// Sets how many requests run at the same time. Default: 64.
    pub fn concurrency(mut self, concurrency: Concurrency) -> Self {
        self.options.concurrency = concurrency;
        self
    }

    /// Sets when messages are acknowledged. Default: [`AckMode::Confirmed`], before their method is invoked.
    pub fn ack_mode(mut self, mode: AckMode) -> Self {
        self.options.ack_mode = mode;
        self
    }

    /// Sets how many message ids are remembered to recognise messages that were sent twice. Default: 1024. 0 turns the check
    /// off.
    ///
    /// Messages that come back although this server has begun them are recognised whatever the window.
    pub fn duplicate_window(mut self, ids: usize) -> Self {
        self.options.duplicate_window = ids;
        self
    }

    /// Sets whether callers are told the text and the causes of unexpected errors and panics. Default: no.
    pub fn expose_errors(mut self, expose: bool) -> Self {
        self.events.expose_errors = expose;
        self
    }

    /// Sets whether calls of unknown methods are logged at debug level, for a server that is probed.
    ///
    /// Default: no, they are logged at warning level. Calls of methods whose name ends in `_ignore_errors` are always
    /// logged at debug level, as in oslo.messaging.
    pub fn quiet_unknown_methods(mut self, quiet: bool) -> Self {
        self.events.quiet_unknown_methods = quiet;
        self
    }

    /// Sets the size and the depth up to which messages are decoded. Default: [`DecodeLimits::new`].
    pub fn limits(mut self, limits: DecodeLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets who may call what. Default: everybody may call everything that is `pub`.
    pub fn access_policy(mut self, policy: impl AccessPolicy) -> Self {
        self.policy = Some(Box::new(policy));
        self
    }

    /// Sets a serializer, which rewrites contexts, arguments and results. Default: none.
    pub fn serializer(mut self, serializer: impl Serializer) -> Self {
        self.serializer = Some(Arc::new(serializer));
        self
    }

    /// Wraps every request into a tower layer, around the layers added before.
    ///
    /// [`from_fn`](crate::layer::from_fn) makes a layer from a function. An error of the layer's own is logged, and the
    /// caller is told that the call was denied, or, where the method may have started, that it failed. To tell the
    /// caller more, return a [`Failure`](crate::Failure).
    pub fn layer(mut self, layer: impl RpcLayer) -> Self {
        self.stack = Some(RpcService::layered(&layer, self.stack.take()));
        self
    }

    /// Sets how long running requests may take to finish after the server was stopped. Then they are aborted. Default:
    /// 30 s.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.options.shutdown_timeout = timeout;
        self
    }

    /// Builds the server, without starting it.
    ///
    /// # Errors
    ///
    /// Lists every problem at once: no topic, no server name, no endpoint, a concurrency limit of 0, methods that could
    /// never be reached.
    pub fn build(self) -> Result<Server, BuildError> {
        let mut problems = Vec::new();
        let given = |name: &Option<Cow<'static, str>>| {
            name.as_deref().filter(|name| !name.is_empty()).map(str::to_owned)
        };
        let (topic, server) = (given(&self.target.topic), given(&self.target.server));
        let limit = self.options.concurrency.limit();
        problems.extend(topic.is_none().then_some(BuildProblem::MissingTopic));
        problems.extend(server.is_none().then_some(BuildProblem::MissingServerName));
        problems.extend(self.endpoints.is_empty().then_some(BuildProblem::NoEndpoint));
        problems.extend((limit == 0).then_some(BuildProblem::ZeroConcurrency));
        let registry = match self.endpoints.build() {
            Ok(registry) => Some(registry),
            Err(shadowed) => {
                problems.extend(shadowed.into_iter().map(BuildProblem::ShadowedMethod));
                None
            }
        };
        BuildError::check(problems)?;
        let (Some(topic), Some(server), Some(registry)) = (topic, server, registry) else {
            unreachable!("each of them missing is a problem, and there was none");
        };
        let mut listen = Listen::new(topic, server);
        listen.exchange = self.target.exchange.map(Into::into);
        listen.concurrency = limit;
        listen.ack_mode = self.options.ack_mode;
        let memory = DeliveryMemory::new(listen.ack_mode, self.options.duplicate_window);
        listen.memory = Arc::new(memory);
        let dispatcher = Dispatcher {
            registry,
            limits: self.limits,
            policy: self.policy,
            serializer: self.serializer,
        };
        Ok(Server {
            transport: self.transport,
            shared: Arc::new(ServerShared {
                id: ServerId::next(),
                dispatcher: Arc::new(dispatcher),
                options: self.options,
                stack: self.stack,
                events: self.events,
                memory: Arc::clone(&listen.memory),
                permits: Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS))),
                in_flight: TaskTracker::new(),
                abort: AbortRegistry::default(),
                unacked: UnackedRequests::default(),
                monitor_pace: MonitorPace::default(),
                slow_decoding: SlowDecoding::new(),
            }),
            listen,
            stop: self.stop,
        })
    }
}

impl fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerBuilder")
            .field("target", &self.target)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
