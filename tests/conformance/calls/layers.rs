//! tower layers around calls, on either side.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use rpc_core::error::{Ran, RejectReason, TimeoutPhase, TransportErrorKind};
use rpc_core::layer::{BoxError, Next, RpcRequest, RpcResponse, RpcService, from_fn};
use rpc_core::{CallError, Context, Failure, FailureKind, Payload, Retry, endpoint};
use tokio::sync::{Notify, Semaphore};
use tokio::time::sleep;
use tower::limit::ConcurrencyLimitLayer;
use tower::timeout::TimeoutLayer;
use tower::{Layer, Service};

use crate::conformance::harness::{TestEnv, cases};
use crate::conformance::helpers::reporter::UNTIL_INVOKED;

struct Echo {
    began: Arc<Notify>,
    open: Arc<Semaphore>,
}

#[endpoint(namespace = "echo")]
impl Echo {
    pub fn echo(&self, ctx: &Context, word: String) -> String {
        let user = ctx.get("user").and_then(|user| user.as_str()).unwrap_or("nobody");
        let facts = (ctx.message_id().is_some(), ctx.deadline().is_some());
        format!("{user}:{word}:{facts:?}")
    }

    pub async fn wait(&self, _ctx: &Context) {
        self.began.notify_one();
        self.open.acquire().await.unwrap().forget();
    }
}

fn echo() -> (Echo, Arc<Notify>, Arc<Semaphore>) {
    let (began, open) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
    (Echo { began: Arc::clone(&began), open: Arc::clone(&open) }, began, open)
}

type Answer = Pin<Box<dyn Future<Output = Result<RpcResponse, BoxError>> + Send>>;
type Wrap = Arc<dyn Fn(RpcRequest, RpcService) -> Answer + Send + Sync>;

/// A layer that is one function of the request and of the inner service.
#[derive(Clone)]
struct By {
    wrap: Wrap,
    inner: Option<RpcService>,
}

fn by(wrap: impl Fn(RpcRequest, RpcService) -> Answer + Send + Sync + 'static) -> By {
    By { wrap: Arc::new(wrap), inner: None }
}

/// Returns a layer that changes the request before it is sent on.
fn changing(change: impl Fn(&mut RpcRequest) + Send + Sync + 'static) -> By {
    by(move |mut request, mut inner| {
        change(&mut request);
        inner.call(request)
    })
}

impl Layer<RpcService> for By {
    type Service = Self;

    fn layer(&self, inner: RpcService) -> Self {
        Self { wrap: Arc::clone(&self.wrap), inner: Some(inner) }
    }
}

impl Service<RpcRequest> for By {
    type Response = RpcResponse;
    type Error = BoxError;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: RpcRequest) -> Answer {
        (self.wrap)(request, self.inner.clone().unwrap())
    }
}

/// Notes when a request comes by, and when its answer does.
fn noting(name: &'static str, log: &Arc<Mutex<Vec<String>>>) -> By {
    let log = Arc::clone(log);
    by(move |request, mut inner| {
        let log = Arc::clone(&log);
        Box::pin(async move {
            log.lock().unwrap().push(format!("{name} in"));
            let answer = inner.call(request).await;
            log.lock().unwrap().push(format!("{name} out"));
            answer
        })
    })
}

async fn the_layer_added_last_is_the_outermost_on_both_sides(env: TestEnv) {
    let log = Arc::default();
    let server = env.server("one").endpoint(echo().0);
    env.start(server.layer(noting("server inner", &log)).layer(noting("server outer", &log))).await;
    let client: EchoClient = env.client();
    let client = client.prepare().layer(noting("client inner", &log));
    let client = client.layer(noting("client outer", &log)).build();
    client.echo(&Context::new(), "hello".into()).await.unwrap();
    assert_eq!(
        *log.lock().unwrap(),
        [
            "client outer in",
            "client inner in",
            "server outer in",
            "server inner in",
            "server inner out",
            "server outer out",
            "client inner out",
            "client outer out",
        ]
    );
}

async fn a_layer_sees_what_is_asked_for(env: TestEnv) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&asked);
    let layer = changing(move |request| {
        let (namespace, method) = (request.namespace().map(str::to_owned), request.method());
        note.lock().unwrap().push((namespace, method.to_owned(), request.request().id));
    });
    let server = env.server("one").endpoint(echo().0).layer(layer.clone());
    env.start(server).await;
    let client = env.client::<EchoClient>().prepare().layer(layer).build();
    client.echo(&Context::new(), "hello".into()).await.unwrap();
    let asked = asked.lock().unwrap();
    assert_eq!((asked[0].0.as_deref(), &*asked[0].1), (Some("echo"), "echo"));
    assert_eq!(asked[0], asked[1], "the same on both sides");
}

async fn a_layer_of_the_client_may_change_the_context(env: TestEnv) {
    env.serve(echo().0).await;
    let sign = changing(|request| {
        let signed = request.context().clone().with("user", "ada");
        request.set_context(signed);
    });
    let client = env.client::<EchoClient>().prepare().layer(sign).build();
    let answer = client.echo(&Context::new(), "hello".into()).await.unwrap();
    assert_eq!(answer, "ada:hello:(true, true)");
}

async fn a_layer_of_the_server_may_change_the_context_and_its_facts_stay(env: TestEnv) {
    let sign = changing(|request| request.set_context(Context::new().with("user", "bob")));
    env.start(env.server("one").endpoint(echo().0).layer(sign)).await;
    let client: EchoClient = env.client();
    let ctx = Context::new().with("user", "ada");
    let answer = client.echo(&ctx, "hello".into()).await.unwrap();
    assert_eq!(answer, "bob:hello:(true, true)");
}

async fn layers_may_change_the_arguments(env: TestEnv) {
    let rewrite = |word: &'static str| {
        changing(move |request| {
            let codec = request.args().codec();
            let args = codec.encode(&std::collections::BTreeMap::from([("word", word)])).unwrap();
            request.set_args(Payload::new(codec, args));
        })
    };
    env.start(env.server("one").endpoint(echo().0)).await;
    env.start(env.server("two").endpoint(echo().0).layer(rewrite("server"))).await;
    let client: EchoClient = env.client();
    let rewriting = client.prepare().server("one").layer(rewrite("client")).build();
    let answer = rewriting.echo(&Context::new(), "hello".into()).await.unwrap();
    assert!(answer.starts_with("nobody:client:"), "{answer}");
    let two = client.echo(&Context::new(), "hello".into()).to_server("two");
    assert!(two.await.unwrap().starts_with("nobody:server:"));
}

async fn a_layer_may_reply_in_place_of_the_method(env: TestEnv) {
    let (echo, _, _) = echo();
    let cached = by(|request, _| {
        let codec = request.args().codec();
        let answer = Payload::new(codec, codec.encode("from the cache").unwrap());
        Box::pin(std::future::ready(Ok(RpcResponse::from(Ok(answer)))))
    });
    let server = env.start(env.server("one").endpoint(echo).layer(cached.clone())).await;
    let client: EchoClient = env.client();
    let answer = client.echo(&Context::new(), "hello".into()).await.unwrap();
    assert_eq!((&*answer, server.stats().received), ("from the cache", 1));
    let caching = client.prepare().layer(cached).build();
    let answer = caching.echo(&Context::new(), "hello".into()).await.unwrap();
    assert_eq!((&*answer, server.stats().received), ("from the cache", 1), "nothing was sent");
}

async fn what_a_layer_of_the_server_rejects_is_denied(env: TestEnv) {
    let refuse = by(|_, _| Box::pin(std::future::ready(Err("the secret quota is used up".into()))));
    let server = env.start(env.server("one").endpoint(echo().0).layer(refuse)).await;
    let client: EchoClient = env.client();
    let error = client.echo(&Context::new(), "hello".into()).await.unwrap_err();
    let CallError::Rejected(refused) = &error else { panic!("{error}") };
    assert_eq!((refused.reason(), error.ran()), (&RejectReason::Denied, Ran::No));
    assert!(!error.to_string().contains("secret"), "{error}");
    assert_eq!(server.stats().rejected, 1);
}

async fn an_error_of_a_layer_behind_the_method_is_an_error_of_the_method(env: TestEnv) {
    let spoil = by(|request, mut inner| {
        Box::pin(async move {
            inner.call(request).await?;
            Err("the secret audit failed".into())
        })
    });
    let server = env.start(env.server("one").endpoint(echo().0).layer(spoil)).await;
    let client: EchoClient = env.client();
    let error = client.echo(&Context::new(), "hello".into()).await.unwrap_err();
    let CallError::Remote(remote) = &error else { panic!("{error}") };
    assert_eq!((remote.class(), error.ran()), ("LayerError", Ran::Yes));
    assert!(!error.to_string().contains("secret"), "{error}");
    assert_eq!(server.stats().errors, 1);
}

async fn a_layer_of_the_server_can_reject_with_a_failure_of_its_own(env: TestEnv) {
    async fn busy(_: RpcRequest, _: Next) -> Result<RpcResponse, BoxError> {
        let failure = Failure::new(FailureKind::Overloaded, "Busy", "come back in a minute");
        Ok(RpcResponse::from(Err(failure)))
    }
    env.start(env.server("one").endpoint(echo().0).layer(from_fn(busy))).await;
    let client: EchoClient = env.client();
    let error = client.echo(&Context::new(), "hello".into()).await.unwrap_err();
    let CallError::Transport(lost) = &error else { panic!("{error}") };
    assert_eq!((lost.kind(), error.ran()), (TransportErrorKind::Overloaded, Ran::No));
    assert!(error.may_retry() && error.to_string().contains("come back in a minute"), "{error}");
}

async fn a_failure_says_whether_the_method_ran_whatever_its_kind(env: TestEnv) {
    let said = Arc::new(Mutex::new(Failure::new(FailureKind::Error, "Said", "so")));
    let saying = Arc::clone(&said);
    let say = by(move |_, _| {
        let failure = saying.lock().unwrap().clone();
        Box::pin(std::future::ready(Ok(RpcResponse::from(Err(failure)))))
    });
    env.start(env.server("one").endpoint(echo().0).layer(say)).await;
    let client: EchoClient = env.client();
    // Over a transport that shares the request, an expired call that was begun is not said to have not run.
    for &kind in FailureKind::ALL.iter().filter(|kind| **kind != FailureKind::Expired) {
        for ran in [Ran::No, Ran::Yes, Ran::Unknown] {
            *said.lock().unwrap() = Failure::new(kind, "Said", "so").with_ran(ran);
            let error = client.echo(&Context::new(), "hello".into()).await.unwrap_err();
            assert_eq!(error.ran(), ran, "{kind}: {error}");
            assert!(!error.may_retry() || ran == Ran::No, "{kind}: {error}");
        }
    }
}

async fn an_error_of_a_layer_of_the_client_ends_the_call(env: TestEnv) {
    let server = env.serve(echo().0).await;
    let refuse = by(|_, _| Box::pin(std::future::ready(Err("the circuit is open".into()))));
    let client = env.client::<EchoClient>().prepare().layer(refuse).build();
    let error = client.echo(&Context::new(), "hello".into()).await.unwrap_err();
    let CallError::Transport(lost) = &error else { panic!("{error}") };
    assert_eq!((lost.kind(), error.ran()), (TransportErrorKind::Layer, Ran::No));
    assert!(error.to_string().contains("the circuit is open"), "{error}");
    assert_eq!(server.stats().received, 0);
}

async fn errors_keep_their_kind_through_the_layers_of_a_client(env: TestEnv) {
    let (echo, _, open) = echo();
    env.serve(echo).await;
    let log = Arc::default();
    let client = env.client::<EchoClient>().prepare().layer(noting("client", &log)).build();
    let refused = client.prepare().namespace("nowhere").build();
    let error = refused.echo(&Context::new(), "hello".into()).await.unwrap_err();
    assert!(matches!(error, CallError::Rejected(_)), "{error}");
    let error = client.wait(&Context::new()).timeout(UNTIL_INVOKED).await.unwrap_err();
    let CallError::Timeout(late) = &error else { panic!("{error}") };
    assert_eq!((late.phase(), late.ran()), (TimeoutPhase::Reply, Ran::Unknown));
    open.add_permits(1);
}

/// Sends again what failed, or what took longer than this.
fn again_after(patience: Duration) -> By {
    by(move |request, mut inner| {
        Box::pin(async move {
            match tokio::time::timeout(patience, inner.call(request.clone())).await {
                Ok(Ok(response)) if response.outcome.is_ok() => Ok(response),
                _ => inner.call(request).await,
            }
        })
    })
}

async fn a_layer_of_the_client_may_send_a_call_again(env: TestEnv) {
    let (echo, began, open) = echo();
    env.serve(echo).await;
    let client = env.client::<EchoClient>().prepare();
    let client = client.layer(again_after(UNTIL_INVOKED)).build();
    let call = tokio::spawn(client.wait(&Context::new()));
    began.notified().await;
    began.notified().await;
    open.add_permits(2);
    call.await.unwrap().expect("the second message is none that the server has seen");
}

async fn a_call_that_was_retried_below_layers_may_have_run(env: TestEnv) {
    let (echo, began, open) = echo();
    let retry = Retry::until_deadline().initial_backoff(Duration::from_millis(10));
    let client = env.client::<EchoClient>().prepare().retry(retry);
    let client = client.layer(noting("client", &Arc::default())).build();
    let call = tokio::spawn(client.wait(&Context::new()).timeout(UNTIL_INVOKED * 2));
    sleep(Duration::from_millis(100)).await;
    env.serve(echo).await;
    began.notified().await;
    let error = call.await.unwrap().unwrap_err();
    assert_eq!((error.ran(), error.may_retry()), (Ran::Unknown, false), "{error}");
    open.add_permits(1);
}

async fn a_tower_concurrency_limit_bounds_what_a_server_runs_at_once(env: TestEnv) {
    let (echo, began, open) = echo();
    let limited = env.server("one").endpoint(echo).layer(ConcurrencyLimitLayer::new(1));
    env.start(limited).await;
    let client: EchoClient = env.client();
    let calls = [(); 2].map(|()| tokio::spawn(client.wait(&Context::new())));
    began.notified().await;
    let third = client.echo(&Context::new(), "third".into()).timeout(Duration::from_millis(200));
    assert!(matches!(third.await, Err(CallError::Timeout(_))), "the layer lets one through");
    open.add_permits(2);
    for call in calls {
        call.await.unwrap().unwrap();
    }
    client.echo(&Context::new(), "fourth".into()).await.unwrap();
}

async fn a_tower_timeout_ends_a_call_at_either_side(env: TestEnv) {
    let (echo, _, open) = echo();
    let layer = TimeoutLayer::new(Duration::from_millis(200));
    let echo = Arc::new(echo);
    env.start(env.server("plain").endpoint::<Echo>(Arc::clone(&echo))).await;
    env.start(env.server("hasty").endpoint::<Echo>(echo).layer(layer.clone())).await;
    let client: EchoClient = env.client();
    let error = client.wait(&Context::new()).to_server("hasty").await.unwrap_err();
    assert!(matches!(error, CallError::Remote(_)), "{error}");
    let hasty = client.prepare().server("plain").layer(layer).build();
    let error = hasty.wait(&Context::new()).await.unwrap_err();
    let CallError::Transport(lost) = &error else { panic!("{error}") };
    assert_eq!(lost.kind(), TransportErrorKind::Layer);
    open.add_permits(2);
}

async fn the_deadline_of_a_call_bounds_the_layers_of_its_client(env: TestEnv) {
    env.serve(echo().0).await;
    let stuck = by(|_, _| Box::pin(std::future::pending()));
    let client = env.client::<EchoClient>().prepare().layer(stuck).build();
    let call = client.echo(&Context::new(), "hello".into()).timeout(Duration::from_millis(200));
    let error = call.await.unwrap_err();
    assert!(matches!(error, CallError::Timeout(_)), "{error}");
    assert_eq!((error.ran(), error.may_retry()), (Ran::No, true), "it was never sent");
}

async fn casts_pass_through_the_layers_too(env: TestEnv) {
    let log = Arc::default();
    let server = crate::conformance::helpers::reporter::serial(&env, "one").endpoint(echo().0);
    env.start(server.layer(noting("server", &log))).await;
    let client = env.client::<EchoClient>().prepare().layer(noting("client", &log)).build();
    client.echo(&Context::new(), "cast".into()).cast().await.unwrap();
    env.client::<EchoClient>().echo(&Context::new(), "call".into()).await.unwrap();
    let log = log.lock().unwrap();
    let count = |line: &str| log.iter().filter(|logged| *logged == line).count();
    assert_eq!((count("client in"), count("client out")), (1, 1));
    assert_eq!((count("server in"), count("server out")), (2, 2));
}

cases! {
    the_layer_added_last_is_the_outermost_on_both_sides;
    a_layer_sees_what_is_asked_for;
    a_layer_of_the_client_may_change_the_context;
    a_layer_of_the_server_may_change_the_context_and_its_facts_stay;
    layers_may_change_the_arguments;
    a_layer_may_reply_in_place_of_the_method;
    what_a_layer_of_the_server_rejects_is_denied;
    an_error_of_a_layer_behind_the_method_is_an_error_of_the_method;
    a_layer_of_the_server_can_reject_with_a_failure_of_its_own;
    a_failure_says_whether_the_method_ran_whatever_its_kind;
    an_error_of_a_layer_of_the_client_ends_the_call;
    errors_keep_their_kind_through_the_layers_of_a_client;
    a_layer_of_the_client_may_send_a_call_again;
    a_call_that_was_retried_below_layers_may_have_run if detects_missing_server;
    a_tower_concurrency_limit_bounds_what_a_server_runs_at_once;
    a_tower_timeout_ends_a_call_at_either_side;
    the_deadline_of_a_call_bounds_the_layers_of_its_client;
    casts_pass_through_the_layers_too;
}
