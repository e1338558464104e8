//! Spans on both sides, and the W3C trace context that ties them together.

use rpc_core::{CallError, Context, RpcClient, endpoint};
use tokio::sync::mpsc;
use tracing::Level;

use crate::conformance::harness::{Logs, TestEnv, cases};

/// An endpoint that reports its trace to the case, and calls another server if it has a client.
struct Tracer {
    traces: mpsc::UnboundedSender<Option<String>>,
    next: Option<RpcClient>,
}

#[endpoint(namespace = "trace")]
impl Tracer {
    pub async fn trace(&self, ctx: &Context) -> Result<(), CallError> {
        // The case may have ended without looking.
        let _ = self.traces.send(ctx.trace().map(ToString::to_string));
        match &self.next {
            Some(next) => next.call(ctx, "trace", &()).await,
            None => Ok(()),
        }
    }

    pub fn fail(&self, _ctx: &Context) -> Result<(), std::fmt::Error> {
        Err(std::fmt::Error)
    }
}

async fn tracer(env: &TestEnv) -> (TracerClient, mpsc::UnboundedReceiver<Option<String>>) {
    let (traces, seen) = mpsc::unbounded_channel();
    env.serve(Tracer { traces, next: None }).await;
    (env.client(), seen)
}

async fn a_call_has_a_span_on_both_sides_that_names_it(env: TestEnv) {
    let logs = Logs::record(Level::INFO);
    let (client, mut seen) = tracer(&env).await;
    client.trace(&Context::new()).await.unwrap();
    seen.recv().await.unwrap();
    let (called, served) = (logs.spans("rpc.call"), logs.spans("rpc.serve"));
    let ([called], [served]) = (&called[..], &served[..]) else { panic!("{called:?} {served:?}") };
    for span in [called, served] {
        assert_eq!(span.fields["rpc.method"], "trace");
        assert_eq!(span.fields["rpc.namespace"], "trace");
        assert_eq!(span.fields["messaging.message.id"], called.fields["messaging.message.id"]);
    }
    assert_eq!((&*called.fields["otel.kind"], &*served.fields["otel.kind"]), ("client", "server"));
    client.trace(&Context::new()).cast().await.unwrap();
    seen.recv().await.unwrap();
    assert_eq!(logs.spans("rpc.call")[1].fields["otel.kind"], "producer");
    assert_eq!(logs.spans("rpc.serve")[1].fields["otel.kind"], "consumer");
}

async fn the_span_of_the_server_is_a_child_of_the_span_of_its_caller(env: TestEnv) {
    let logs = Logs::record(Level::INFO);
    let (client, mut seen) = tracer(&env).await;
    client.trace(&Context::new()).await.unwrap();
    let trace = seen.recv().await.unwrap().expect("the caller's trace context arrives");
    let (called, served) = (&logs.spans("rpc.call")[0], &logs.spans("rpc.serve")[0]);
    assert_eq!(called.fields["trace_id"], served.fields["trace_id"]);
    assert_eq!(called.fields["span_id"], served.fields["parent_span_id"]);
    let (trace_id, span_id) = (&called.fields["trace_id"], &called.fields["span_id"]);
    assert_eq!(trace, format!("00-{trace_id}-{span_id}-01"));
    client.trace(&Context::new()).await.unwrap();
    let other = seen.recv().await.unwrap().unwrap();
    assert_ne!(other[..35], trace[..35], "another call is another trace");
}

async fn a_nested_call_stays_in_the_trace_of_the_outer_one(env: TestEnv) {
    let _logs = Logs::record(Level::INFO);
    let (traces, mut seen) = mpsc::unbounded_channel();
    let next = env.client_of(env.target().server("two").namespace("trace"));
    let outer = Tracer { traces: traces.clone(), next: Some(next) };
    env.start(env.server("one").endpoint(outer)).await;
    env.start(env.server("two").endpoint(Tracer { traces, next: None })).await;
    let client: TracerClient = env.client_of(env.target().server("one"));
    client.trace(&Context::new()).await.unwrap();
    let (outer, inner) = (seen.recv().await.unwrap().unwrap(), seen.recv().await.unwrap().unwrap());
    assert_eq!(outer[..35], inner[..35], "one trace");
    assert_ne!(outer[36..52], inner[36..52], "two spans");
}

async fn a_span_says_which_error_ended_the_call(env: TestEnv) {
    let logs = Logs::record(Level::INFO);
    let (client, _seen) = tracer(&env).await;
    client.fail(&Context::new()).await.unwrap_err();
    let untyped = client.prepare().namespace("nowhere").build();
    untyped.fail(&Context::new()).await.unwrap_err();
    for spans in [logs.spans("rpc.call"), logs.spans("rpc.serve")] {
        let errors: Vec<_> = spans.iter().map(|span| span.fields.get("error.type")).collect();
        assert!(errors.iter().all(Option::is_some), "{spans:?}");
        assert_ne!(errors[0], errors[1]);
    }
}

async fn without_a_subscriber_there_is_no_trace(env: TestEnv) {
    let (client, mut seen) = tracer(&env).await;
    client.trace(&Context::new()).await.unwrap();
    assert_eq!(seen.recv().await.unwrap(), None);
    let logs = Logs::record(Level::WARN);
    client.trace(&Context::new()).await.unwrap();
    assert_eq!(seen.recv().await.unwrap(), None);
    assert!(logs.spans("rpc.call").is_empty() && logs.spans("rpc.serve").is_empty());
}

async fn starting_and_ending_a_server_is_logged(env: TestEnv) {
    let logs = Logs::record(Level::INFO);
    let (traces, _seen) = mpsc::unbounded_channel();
    let server = env.serve(Tracer { traces, next: None }).await;
    crate::conformance::helpers::reporter::stop_all([&server]).await;
    let lines = logs.at(Level::INFO);
    let [started, ended] = &lines[..] else { panic!("{lines:?}") };
    assert!(started.says("server started") && started.says(&env.topic()), "{started:?}");
    assert!(started.says("one") && started.says("Tracer"), "{started:?}");
    assert!(ended.says("server ended"), "{ended:?}");
}

cases! {
    a_call_has_a_span_on_both_sides_that_names_it;
    the_span_of_the_server_is_a_child_of_the_span_of_its_caller;
    a_nested_call_stays_in_the_trace_of_the_outer_one;
    a_span_says_which_error_ended_the_call;
    without_a_subscriber_there_is_no_trace;
    starting_and_ending_a_server_is_logged;
}
