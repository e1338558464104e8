//! Configuring a server.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::cut_off::CutOff;
use super::dispatch::Dispatcher;
use super::errors::{BuildError, BuildProblem};
use super::inside::ServerId;
use super::run::Options;
use super::slots::Slots;
use super::stats::Counters;
use super::worker::{Rules, Worker};
use super::{AccessPolicy, AckMode, Concurrency, Server, StopHandle};
use crate::codec::DecodeLimits;
use crate::endpoint::Endpoint;
use crate::layer::{RpcLayer, RpcService};
use crate::registry::RegistryBuilder;
use crate::serializer::Serializer;
use crate::target::Target;
use crate::transport::{Listen, Transport};

/// oslo.messaging remembers 16; a wider window costs nothing more.
const DEFAULT_WINDOW: usize = 1024;
const DEFAULT_DRAIN: Duration = Duration::from_secs(30);

/// Collects endpoints and options of a server.
#[must_use = "a server is made by `build`"]
pub struct ServerBuilder {
    transport: Arc<dyn Transport>,
    target: Target,
    endpoints: RegistryBuilder,
    concurrency: Concurrency,
    rules: Rules,
    limits: DecodeLimits,
    policy: Option<Box<dyn AccessPolicy>>,
    serializer: Option<Arc<dyn Serializer>>,
    stack: Option<RpcService>,
    duplicate_window: usize,
    shutdown_timeout: Duration,
    stop: StopHandle,
}

impl ServerBuilder {
    pub(super) fn new(transport: Arc<dyn Transport>, target: Target) -> Self {
        Self {
            transport,
            target,
            endpoints: RegistryBuilder::default(),
            concurrency: Concurrency::default(),
            rules: Rules::default(),
            limits: DecodeLimits::new(),
            policy: None,
            serializer: None,
            stack: None,
            duplicate_window: DEFAULT_WINDOW,
            shutdown_timeout: DEFAULT_DRAIN,
            stop: StopHandle::new(),
        }
    }

    /// Adds an endpoint, or a shared one as an `Arc`. Of several that could serve a request, the one added first does.
    ///
    /// With an `Arc` the compiler has to be told which type is the endpoint:
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

    /// Stops the server that will be built, so that one of its endpoints can own the handle.
    #[must_use]
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// How messages are run. Default: 64 tasks.
    pub fn concurrency(mut self, concurrency: Concurrency) -> Self {
        self.concurrency = concurrency;
        self
    }

    /// When messages are acknowledged. Default: before their method is invoked.
    pub fn ack_mode(mut self, mode: AckMode) -> Self {
        self.rules.ack_mode = mode;
        self
    }

    /// Whether a message that comes back to a server that acknowledges before invoking is run again, as
    /// oslo.messaging would. Default: no; its caller is told `Interrupted`, and a cast is logged and counted.
    pub fn run_redelivered(mut self, run: bool) -> Self {
        self.rules.run_redelivered = run;
        self
    }

    /// How many message ids are remembered to recognise duplicates. Default 1024; 0 turns it off.
    pub fn duplicate_window(mut self, ids: usize) -> Self {
        self.duplicate_window = ids;
        self
    }

    /// Whether callers are told the text and the causes of unexpected errors and panics. Default: no.
    pub fn expose_errors(mut self, expose: bool) -> Self {
        self.rules.expose_errors = expose;
        self
    }

    /// Whether calls of unknown methods are logged at debug level, for a server that is probed. Default: no, at warning
    /// level. A name that ends in `_ignore_errors` always is, as in oslo.messaging.
    pub fn quiet_unknown_methods(mut self, quiet: bool) -> Self {
        self.rules.quiet_unknown_methods = quiet;
        self
    }

    /// How much of a message is decoded: its size and its depth. Default: [`DecodeLimits::new`].
    pub fn limits(mut self, limits: DecodeLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Who may call what. Default: everybody everything that is `pub`.
    pub fn access_policy(mut self, policy: impl AccessPolicy) -> Self {
        self.policy = Some(Box::new(policy));
        self
    }

    /// Rewrites context, arguments and results. Default: none.
    pub fn serializer(mut self, serializer: impl Serializer) -> Self {
        self.serializer = Some(Arc::new(serializer));
        self
    }

    /// Wraps every dispatch into a tower layer, around those added before; [`from_fn`](crate::layer::from_fn) makes one
    /// from a function.
    ///
    /// An error of the layer's own is logged, and its caller is told that the call was denied, or, where the method may
    /// have begun, that it failed. To tell more, answer with a [`Failure`](crate::Failure).
    pub fn layer(mut self, layer: impl RpcLayer) -> Self {
        self.stack = Some(RpcService::layered(&layer, self.stack.take()));
        self
    }

    /// How long messages may go on after the server was stopped, before they are cut off. Default 30 s.
    pub fn shutdown_timeout(mut self, limit: Duration) -> Self {
        self.shutdown_timeout = limit;
        self
    }

    /// The server, not yet started.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, at once: no topic, no server name, no endpoint, room for no task, methods that could
    /// never be reached.
    pub fn build(self) -> Result<Server, BuildError> {
        let mut problems = Vec::new();
        let given = |name: &Option<std::borrow::Cow<'static, str>>| {
            name.as_deref().filter(|name| !name.is_empty()).map(str::to_owned)
        };
        let (topic, server) = (given(&self.target.topic), given(&self.target.server));
        let slots = self.concurrency.limit();
        problems.extend(topic.is_none().then_some(BuildProblem::MissingTopic));
        problems.extend(server.is_none().then_some(BuildProblem::MissingServerName));
        problems.extend(self.endpoints.is_empty().then_some(BuildProblem::NoEndpoint));
        problems.extend((slots == 0).then_some(BuildProblem::ZeroConcurrency));
        let registry = match self.endpoints.build() {
            Ok(registry) => Some(registry),
            Err(unreachable) => {
                problems.extend(unreachable.into_iter().map(BuildProblem::ShadowedMethod));
                None
            }
        };
        BuildError::check(problems)?;
        let (Some(topic), Some(server), Some(registry)) = (topic, server, registry) else {
            unreachable!("each of them missing is a problem, and there was none");
        };
        let mut listen = Listen::new(topic, server);
        listen.exchange = self.target.exchange.map(Into::into);
        listen.concurrency = slots;
        listen.ack_mode = self.rules.ack_mode;
        let dispatcher = Dispatcher {
            registry,
            limits: self.limits,
            policy: self.policy,
            serializer: self.serializer,
        };
        Ok(Server {
            transport: self.transport,
            listen,
            worker: Arc::new(Worker {
                id: ServerId::next(),
                dispatcher: Arc::new(dispatcher),
                rules: self.rules,
                stack: self.stack,
                counters: Counters::default(),
                slots: Slots::new(slots),
                cut_off: CutOff::default(),
            }),
            options: Options {
                concurrency: self.concurrency,
                duplicate_window: self.duplicate_window,
                shutdown_timeout: self.shutdown_timeout,
            },
            stop: self.stop,
        })
    }
}

impl fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerBuilder")
            .field("target", &self.target)
            .field("concurrency", &self.concurrency)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}
