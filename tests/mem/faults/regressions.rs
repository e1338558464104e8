//! Single cases that random runs meet only rarely.

use std::sync::Arc;
use std::time::Duration;

use rpc_core::error::{Ran, TransportErrorKind};
use rpc_core::layer::{BoxError, Next, RpcRequest, RpcResponse, from_fn};
use rpc_core::server::{AckMode, Concurrency, ServerBuilder};
use rpc_core::transport::{Destination, Listen, Listener, Route};
use rpc_core::{
    CallError, Context, ContextEntries, FailureKind, MessageId, Payload, Request, Retry, RpcClient,
    RunningServer, Server, Target, Transport, Value,
};
use rpc_transport_mem::{Fault, FaultPlan, MemTransport};
use tokio::time::{Instant, sleep, timeout};

use crate::history::{EventKind, History};
use crate::plan::TOPIC;
use crate::recording_transport::{CALL, Recording, RecordingTransport};
use crate::service::{Service, ServiceClient};

const ONE_MS: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(3600);

struct RunEnv {
    broker: MemTransport,
    history: History,
}

impl RunEnv {
    fn new() -> Self {
        Self::with(FaultPlan::with_seed(0))
    }

    fn with(faults: FaultPlan) -> Self {
        let broker = MemTransport::builder().faults(faults).build();
        Self { broker, history: History::begin() }
    }

    fn server(&self, confirming: Option<Duration>) -> ServerBuilder {
        let history = self.history.clone();
        let recording = Recording { history: history.clone(), confirming, server: 0 };
        let transport = RecordingTransport::over(self.broker.clone(), recording);
        let server = Server::builder(transport, Target::topic(TOPIC).server("one"));
        server.endpoint(Service { server: 0, history })
    }

    fn client<C: From<RpcClient>>(&self) -> C {
        C::from(RpcClient::new(self.broker.clone(), Target::topic(TOPIC)))
    }

    /// Opens a listener without a server.
    async fn listen(&self) -> Box<dyn Listener> {
        self.broker.listen(Listen::new(TOPIC, "listener")).await.unwrap()
    }

    fn began(&self) -> bool {
        self.history.end().iter().any(|event| matches!(event.kind, EventKind::Began { .. }))
    }
}

async fn start(server: ServerBuilder) -> RunningServer {
    server.build().unwrap().start().await.unwrap()
}

fn ctx() -> Context {
    Context::new().with(CALL, 1)
}

fn micros(time: Duration) -> u64 {
    time.as_micros() as u64
}

/// Returns the request of a call, with a deadline.
fn request(method: &'static str, deadline: Option<Instant>) -> Arc<Request> {
    let args = Payload::new(rpc_core::Codec::MessagePack, vec![0x80]);
    let mut request = Request::new(MessageId::from_bits(1), method, args);
    request.entries = ContextEntries::from_iter([(CALL.to_owned(), Value::from(1))]);
    request.deadline = deadline;
    request.wants_reply = true;
    Arc::new(request)
}

#[tokio::test(start_paused = true)]
async fn a_reply_for_an_aborted_method_that_cannot_be_sent_is_counted_too() {
    let env = RunEnv::with(FaultPlan::with_seed(0).probability(Fault::FailReply, 1.0));
    let server = start(env.server(None).shutdown_timeout(Duration::ZERO)).await;
    let call = env.client::<ServiceClient>().run(&ctx(), 1, micros(LONG));
    let call = tokio::spawn(call.timeout(ONE_MS * 50));
    sleep(ONE_MS).await;
    server.stop();
    server.wait().await.unwrap();
    assert_eq!((server.stats().interrupted, server.stats().failed_replies), (1, 1));
    assert_eq!(call.await.unwrap().unwrap_err().ran(), Ran::Unknown);
}

#[tokio::test(start_paused = true)]
async fn a_message_aborted_while_its_ack_is_confirmed_gets_a_reply() {
    let env = RunEnv::new();
    let server =
        env.server(Some(LONG)).concurrency(Concurrency::Serial).shutdown_timeout(Duration::ZERO);
    let server = start(server).await;
    let call = tokio::spawn(env.client::<ServiceClient>().run(&ctx(), 1, 0));
    sleep(ONE_MS).await;
    server.stop();
    let CallError::Transport(error) = call.await.unwrap().unwrap_err() else { panic!() };
    assert_eq!((error.kind(), error.ran()), (TransportErrorKind::Interrupted, Ran::Unknown));
    assert!(error.info().elapsed < Duration::from_secs(2), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_is_told_that_nothing_ran_is_told_so_of_all_copies() {
    let env = RunEnv::with(FaultPlan::with_seed(0).probability(Fault::Duplicate, 1.0));
    let server = start(env.server(Some(ONE_MS * 10)).concurrency(Concurrency::Limit(1))).await;
    let call = tokio::spawn(env.client::<ServiceClient>().run(&ctx(), 1, 0));
    sleep(ONE_MS).await;
    // One copy is being acknowledged, the other one waits.
    server.stop();
    let error = call.await.unwrap().unwrap_err();
    server.wait().await.unwrap();
    assert_eq!(error.ran(), Ran::No, "{error}");
    assert!(!env.began());
}

#[tokio::test(start_paused = true)]
async fn a_redelivered_call_that_had_begun_is_never_reported_as_not_run() {
    let env = RunEnv::new();
    let server = env.server(None).ack_mode(AckMode::AfterReply);
    let server = start(server.shutdown_timeout(Duration::ZERO)).await;
    let call = env.client::<ServiceClient>().run(&ctx(), 1, micros(LONG));
    let call = tokio::spawn(call);
    sleep(ONE_MS).await;
    // Somebody listens, but does not take it.
    let listener = env.listen().await;
    server.stop();
    server.wait().await.unwrap();
    assert_eq!(env.broker.queued(), 1);
    env.broker.close().await;
    assert_eq!(call.await.unwrap().unwrap_err().ran(), Ran::Unknown);
    assert!(env.began());
    drop(listener);
}

/// Returns the reply of a server to a message that is redelivered after a while.
async fn answer_to_what_came_back(request: Arc<Request>, after: Duration) -> FailureKind {
    let env = RunEnv::new();
    let mut listener = env.listen().await;
    let route = Route::new(TOPIC, Destination::Any);
    let sent = env.broker.send(&route, request).unwrap();
    sent.publish.await.unwrap();
    let incoming = std::future::poll_fn(|cx| listener.poll_next(cx)).await.unwrap().unwrap();
    let delivery = incoming.decode().unwrap();
    sleep(after).await;
    let server = start(env.server(None).ack_mode(AckMode::AfterReply)).await;
    drop(delivery);
    listener.stop_consuming().await;
    sleep(ONE_MS).await;
    server.stop();
    server.wait().await.unwrap();
    let answer = |what| match what {
        EventKind::Answered { failure, .. } => failure,
        _ => None,
    };
    let events = env.history.end();
    let answer = events.into_iter().find_map(|event| answer(event.kind));
    answer.expect("the server should answer")
}

#[tokio::test(start_paused = true)]
async fn a_server_does_not_say_that_an_expired_redelivered_call_never_ran() {
    let late = request("run", Some(Instant::now() + ONE_MS));
    assert_eq!(answer_to_what_came_back(late, ONE_MS * 5).await, FailureKind::Interrupted);
}

#[tokio::test(start_paused = true)]
async fn a_server_does_not_say_that_a_redelivered_call_it_rejects_never_ran() {
    let refused = request("missing", None);
    assert_eq!(answer_to_what_came_back(refused, ONE_MS).await, FailureKind::Interrupted);
}

async fn impatient(call: RpcRequest, next: Next) -> Result<RpcResponse, BoxError> {
    timeout(ONE_MS * 50, next.run(call)).await?
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_sent_twice_below_a_layer_is_never_reported_as_not_run() {
    let env = RunEnv::new();
    let listener = env.listen().await;
    drop(listener);
    let client = env.client::<RpcClient>().prepare().layer(from_fn(impatient));
    let client = client.retry(Retry::times(1).initial_backoff(ONE_MS)).build();
    let client = ServiceClient::from(client);
    let call = tokio::spawn(client.run(&ctx(), 1, micros(LONG)));
    tokio::task::yield_now().await;
    let _server = start(env.server(None)).await;
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(error.ran(), Ran::Unknown, "{error}");
    assert!(env.began());
}

async fn insisting(call: RpcRequest, next: Next) -> Result<RpcResponse, BoxError> {
    match next.clone().run(call.clone()).await {
        Ok(response) => Ok(response),
        Err(_) => {
            sleep(ONE_MS * 5).await;
            next.run(call).await
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_layer_can_send_again_what_was_cancelled() {
    for given_up_at_once in [true, false] {
        let env = RunEnv::new();
        let listener = env.listen().await;
        let client = env.client::<RpcClient>().prepare().layer(from_fn(insisting));
        let client = ServiceClient::from(client.build());
        let listener = (!given_up_at_once).then_some(listener);
        let call = tokio::spawn(client.run(&ctx(), 1, 0));
        sleep(ONE_MS).await;
        drop(listener);
        tokio::task::yield_now().await;
        let _server = start(env.server(None)).await;
        assert_eq!(call.await.unwrap().unwrap(), 1);
    }
}
