//! Building servers and transports: what is checked, what can be read, what can be shared.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rpc_core::error::{Ran, TransportErrorKind};
use rpc_core::server::{BuildProblem, Concurrency};
use rpc_core::transport::{Capabilities, ConnectError, TransportFactory};
use rpc_core::{
    BoxFuture, CallError, Context, RpcClient, RpcError, Server, Target, Transport, Transports,
    Version, endpoint,
};
use serde::{Deserialize, Serialize};

use crate::conformance::harness::{TestEnv, cases};
use crate::conformance::helpers::work::{Recorder, WorkClient, began, ended};

#[derive(Debug, thiserror::Error, Serialize, Deserialize, RpcError)]
#[error("no account")]
#[rpc_error(class = "NoAccount", module = "bank")]
struct MissingAccount;

#[derive(Default)]
struct Counter(AtomicU32);

/// Counts.
#[endpoint(namespace = "count", version = "1.4", legacy_namespaces = ["old"])]
impl Counter {
    /// Returns the number plus one.
    #[since("1.2")]
    #[rpc(alias = "increase")]
    #[expected(MissingAccount)]
    pub fn next(
        &self,
        _ctx: &Context,
        by: u32,
        #[since("1.3")] note: Option<String>,
    ) -> Result<u32, MissingAccount> {
        let _ = note;
        Ok(self.0.fetch_add(by, Ordering::Relaxed) + by)
    }

    #[rpc(blocking)]
    pub fn total(&self, _ctx: &Context) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

struct Shadow;

#[endpoint(namespace = "count", version = "1.1")]
impl Shadow {
    pub fn total(&self, _ctx: &Context) -> u32 {
        0
    }

    pub fn mine(&self, _ctx: &Context) -> u32 {
        0
    }
}

async fn everything_that_is_wrong_with_a_server_is_said_at_once(env: TestEnv) {
    let server =
        Server::builder(env.server_transport(), Target::new()).concurrency(Concurrency::Limit(0));
    let error = server.build().map(|_| ()).unwrap_err();
    let all = [
        BuildProblem::MissingTopic,
        BuildProblem::MissingServerName,
        BuildProblem::NoEndpoint,
        BuildProblem::ZeroConcurrency,
    ];
    assert_eq!(error.problems(), all);
    for problem in error.problems() {
        assert!(error.to_string().contains(&problem.to_string()), "{error}");
    }
}

async fn a_method_that_could_never_be_reached_is_an_error(env: TestEnv) {
    let server = env.server("one").endpoint(Counter::default()).endpoint(Shadow);
    let error = server.build().map(|_| ()).unwrap_err();
    let [BuildProblem::ShadowedMethod(hidden)] = error.problems() else { panic!("{error}") };
    assert_eq!((&*hidden.method, hidden.namespace.as_deref()), ("total", Some("count")));
    assert_eq!(hidden.shadowed, ("Shadow", Version::new(1, 1)));
    assert_eq!(hidden.by, ("Counter", Version::new(1, 4)));
    let server = env.server("one").endpoint(Shadow).endpoint(Counter::default());
    server.build().expect("the older version first leaves the newer one its requests");
}

async fn a_server_tells_what_it_serves(env: TestEnv) {
    let server = env.start(env.server("one").endpoint(Shadow).endpoint(Counter::default())).await;
    let described: Vec<_> = server.registry().descriptors().collect();
    assert_eq!(described.iter().map(|d| d.name).collect::<Vec<_>>(), ["Shadow", "Counter"]);
    let counter = described[1];
    assert_eq!(counter.namespaces, [Some("count"), Some("old")]);
    assert_eq!((counter.version, counter.docs.trim()), (Version::new(1, 4), "Counts."));
    let [next, total] = counter.methods else { panic!("{counter:?}") };
    assert_eq!(
        (next.name, next.aliases, next.docs.trim()),
        ("next", &["increase"][..], "Returns the number plus one.")
    );
    assert_eq!((next.since, next.blocking), (Some(Version::new(1, 2)), false));
    let args: Vec<_> = next.args.iter().map(|arg| (arg.name, arg.optional, arg.since)).collect();
    assert_eq!(args, [("by", false, None), ("note", true, Some(Version::new(1, 3)))]);
    let expected: Vec<_> = next.expected.iter().map(|error| (error.class, error.module)).collect();
    assert_eq!(expected, [("NoAccount", Some("bank"))]);
    assert!(next.returns.get().contains("u32") && total.blocking && total.args.is_empty());
}

async fn servers_may_share_an_endpoint(env: TestEnv) {
    let counter = Arc::new(Counter::default());
    for name in ["one", "two"] {
        env.start(env.server(name).endpoint::<Counter>(Arc::clone(&counter))).await;
    }
    let client: CounterClient = env.client();
    let (one, two) = (client.next(&Context::new(), 1, None), client.next(&Context::new(), 2, None));
    one.to_server("one").await.unwrap();
    assert_eq!(two.to_server("two").await.unwrap(), 3);
    assert_eq!(counter.0.load(Ordering::Relaxed), 3, "the case's own handle sees it too");
}

async fn several_endpoints_share_a_server(env: TestEnv) {
    let server = env.server("one").endpoint(Shadow).endpoint(Counter::default());
    env.start(server).await;
    let shadow: ShadowClient = env.client();
    assert_eq!(shadow.mine(&Context::new()).await.unwrap(), 0);
    let counter: CounterClient = env.client();
    assert_eq!(counter.next(&Context::new(), 5, None).await.unwrap(), 5);
}

async fn an_endpoint_can_be_called_without_a_transport(_: TestEnv) {
    let client = CounterClient::in_process(Counter::default());
    assert_eq!(client.next(&Context::new(), 2, None).await.unwrap(), 2);
    assert_eq!(client.total(&Context::new()).await.unwrap(), 2);
    client.next(&Context::new(), 2, None).cast().await.unwrap();
    let untyped: &RpcClient = client.rpc();
    let untyped = untyped.prepare().namespace("count").build();
    let error = untyped.call::<u32>(&Context::new(), "next", &()).await.unwrap_err();
    assert!(matches!(error, CallError::Rejected(_)), "arguments are checked there, too: {error}");
    let newer = client.prepare().version(Version::new(1, 5)).build();
    let error = newer.total(&Context::new()).await.unwrap_err();
    assert!(matches!(error, CallError::Rejected(_)), "and versions: {error}");
}

/// A factory that returns the case's own connection for URLs with the scheme `test`.
struct Factory(TestEnv);

impl TransportFactory for Factory {
    fn schemes(&self) -> &'static [&'static str] {
        &["test", "test+tls"]
    }

    fn connect<'a>(
        &'a self,
        url: &'a str,
    ) -> BoxFuture<'a, Result<Arc<dyn Transport>, ConnectError>> {
        Box::pin(async move {
            match url {
                "test://refuse@me" => Err(ConnectError::new(url, "it is down")),
                _ => Ok(self.0.connect().await),
            }
        })
    }
}

async fn a_transport_is_chosen_by_its_url(env: TestEnv) {
    env.serve(Counter::default()).await;
    let transports = Transports::new().with(Factory(env.clone()));
    for url in ["test://host", "test+tls://user:password@host/path?option=1", "test:"] {
        let transport = transports.connect(url).await.unwrap();
        let client = CounterClient::new(transport, env.target());
        client.total(&Context::new()).await.unwrap();
    }
}

async fn a_url_that_nobody_can_use_is_an_error_that_says_why(env: TestEnv) {
    let transports = Transports::new().with(Factory(env.clone()));
    for (url, why) in [
        ("no scheme", "scheme"),
        ("", "scheme"),
        ("other://user:password@host", "`other`; known are [\"test\", \"test+tls\"]"),
        ("test://refuse@me", "it is down"),
    ] {
        let error = transports.connect(url).await.map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(why) && !error.contains("password"), "{error}");
    }
}

async fn deadlines_and_call_monitoring_need_no_transport(_: TestEnv) {
    let mut recorder = Recorder::new();
    let client = WorkClient::in_process(recorder.work());
    let second = Duration::from_secs(1);
    client
        .sleep(&Context::new(), 3000)
        .monitor(second)
        .await
        .expect("it sends still-running messages");
    let call = client.run(&Context::new(), "late".into()).timeout(Duration::ZERO);
    assert!(matches!(call.await, Err(CallError::Timeout(_))));
    client.run(&Context::new(), "next".into()).await.unwrap();
    assert_eq!(recorder.rest(), [began("next"), ended("next")]);
}

async fn a_transport_says_what_it_can_do(env: TestEnv) {
    let capabilities = env.capabilities();
    assert_eq!(env.connect().await.capabilities(), capabilities, "every connection can the same");
    let nothing = Capabilities::default();
    assert!(!nothing.detects_missing_server && !nothing.at_least_once && !nothing.cancel);
    let alone = CounterClient::in_process(Counter::default());
    let alone = alone.rpc().transport().capabilities();
    assert!(alone.cancel && !alone.at_least_once, "an endpoint without a broker: {alone:?}");
}

async fn what_is_larger_than_the_transport_takes_is_not_sent(env: TestEnv) {
    let server = env.serve(Counter::default()).await;
    let limit = env.capabilities().max_message.unwrap();
    let note = "x".repeat(limit + 1);
    let client: CounterClient = env.client();
    let error = client.next(&Context::new(), 1, Some(note)).await.unwrap_err();
    let CallError::Transport(lost) = &error else { panic!("{error}") };
    assert_eq!((lost.kind(), error.ran()), (TransportErrorKind::TooLarge, Ran::No));
    assert!(!error.may_retry() && error.to_string().contains(&limit.to_string()), "{error}");
    assert_eq!(server.stats().received, 0);
}

/// The variable that the case sets for the process that it starts, and reads in it.
const INNER: &str = "RPC_TESTS_INNER_CASE";

async fn the_environment_names_the_default_transport(env: TestEnv) {
    if std::env::var_os(INNER).is_some() {
        let transports = Transports::new().with(Factory(env));
        transports.connect_default("other://fallback").await.expect("the variable counts");
        return;
    }
    let test = std::env::current_exe().unwrap();
    let run = |variable: Option<&str>| {
        let mut inner = std::process::Command::new(&test);
        inner.args(["--exact", "the_environment_names_the_default_transport"]).env(INNER, "1");
        match variable {
            Some(url) => inner.env("RPC_TRANSPORT_URL", url),
            None => inner.env_remove("RPC_TRANSPORT_URL"),
        };
        inner.output().unwrap()
    };
    let output = run(Some("test://from-the-environment"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let output = run(None);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("other://fallback"), "the fallback counts: {said}");
}

cases! {
    everything_that_is_wrong_with_a_server_is_said_at_once;
    a_method_that_could_never_be_reached_is_an_error;
    a_server_tells_what_it_serves;
    servers_may_share_an_endpoint;
    several_endpoints_share_a_server;
    an_endpoint_can_be_called_without_a_transport;
    deadlines_and_call_monitoring_need_no_transport;
    a_transport_is_chosen_by_its_url;
    a_url_that_nobody_can_use_is_an_error_that_says_why;
    the_environment_names_the_default_transport;
    a_transport_says_what_it_can_do;
    what_is_larger_than_the_transport_takes_is_not_sent if max_message;
}
