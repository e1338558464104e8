//! Messages that take long to decode, or cannot be decoded, beside others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::protocol::{AMQPClass, basic};
use lapin::{BasicProperties, Connection, ConnectionProperties};
use rpc_core::error::{Ran, RejectReason, TransportErrorKind};
use rpc_core::layer::{Next, RpcRequest, from_fn};
use rpc_core::server::Concurrency;
use rpc_core::{CallError, Context, Server, endpoint};
use rpc_tests::support::rabbitmq::{Method, Node, Proxy, UrlForm, with_options};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::bank::{Bank, EVENT_TIMEOUT, bank, call, proxied, shared_with_vhost, transport, until};

struct Scale;

#[endpoint(client = ScaleClient)]
impl Scale {
    pub fn weigh(&self, _ctx: &Context, text: String) -> usize {
        text.len()
    }

    pub fn tare(&self, _ctx: &Context) {}

    pub fn copies(&self, _ctx: &Context, text: String, times: usize) -> String {
        text.repeat(times)
    }
}

/// How many small calls are served while a large one, sent before them, is decoded.
const SMALL_CALLS: usize = 3;
/// How often that is tried.
const ROUNDS: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_call_does_not_wait_until_a_large_one_is_decoded() {
    let vhost = "a large message";
    let node = shared_with_vhost(vhost).await;
    let url = node.url(UrlForm::Rabbit, vhost);
    let (serving, calling) = (transport(&url), transport(&url));
    // A layer sees a request as soon as it is decoded.
    let (large_decoded, small_before) =
        (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
    let layer = from_fn({
        let (large_decoded, small_before) = (Arc::clone(&large_decoded), Arc::clone(&small_before));
        move |call: RpcRequest, next: Next| {
            if call.method() == "weigh" {
                large_decoded.store(true, Ordering::SeqCst);
            } else if !large_decoded.load(Ordering::SeqCst) {
                small_before.fetch_add(1, Ordering::SeqCst);
            }
            next.run(call)
        }
    });
    let server = Server::builder(serving, bank().server("one")).endpoint(Scale).layer(layer);
    let server = server.concurrency(Concurrency::Limit(4)).build().unwrap().start().await.unwrap();
    let client = ScaleClient::new(calling, bank());
    let ctx = Context::new();
    client.tare(&ctx).await.unwrap();

    // Quotes are escaped twice, which makes them the slowest to decode.
    let text = "\"".repeat(3 << 20);
    // A busy machine may decode it before the broker has delivered what is behind it.
    for round in 1.. {
        large_decoded.store(false, Ordering::SeqCst);
        small_before.store(0, Ordering::SeqCst);
        let large = client.weigh(&ctx, text.clone()).timeout(EVENT_TIMEOUT);
        let small = async {
            while !large_decoded.load(Ordering::SeqCst) {
                client.tare(&ctx).timeout(EVENT_TIMEOUT).await.unwrap();
            }
        };
        let (weighed, ()) = tokio::join!(large, small);
        assert_eq!(weighed.unwrap(), 3 << 20);
        let before = small_before.load(Ordering::SeqCst);
        if before >= SMALL_CALLS {
            break;
        }
        assert!(round < ROUNDS, "{before} small calls were served before the large one");
    }
    server.stop();
    server.wait().await.unwrap();
}

#[tokio::test]
async fn messages_that_cannot_be_decoded_keep_no_permit() {
    const CONCURRENCY: usize = 4;
    for form in [UrlForm::Amqp, UrlForm::Rabbit] {
        for concurrency in [Concurrency::Serial, Concurrency::Limit(CONCURRENCY)] {
            let vhost = format!("unreadable {form:?} {concurrency:?}");
            let node = shared_with_vhost(&vhost).await;
            let url = node.url(form, &vhost);
            let transport = transport(&url);
            let server = Server::builder(transport.clone(), bank().server("one")).endpoint(Bank);
            let server = server.concurrency(concurrency).build().unwrap().start().await.unwrap();
            let raw = node.url(UrlForm::Amqp, &vhost);
            let connection =
                Connection::connect(&raw, ConnectionProperties::default()).await.unwrap();
            let channel = connection.create_channel().await.unwrap();
            channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
            // Without a type it is a message of oslo.messaging's dialect.
            let properties = match form {
                UrlForm::Rabbit => BasicProperties::default(),
                _ => BasicProperties::default().with_type("rpc.cast".into()),
            };
            let queue = if form == UrlForm::Rabbit { "bank" } else { "rpc/bank" };
            for _ in 0..10 * CONCURRENCY {
                let options = BasicPublishOptions { mandatory: true, ..<_>::default() };
                let published = channel
                    .basic_publish(
                        "".into(),
                        queue.into(),
                        options,
                        b"unreadable",
                        properties.clone(),
                    )
                    .await;
                let confirmed = published.unwrap().await.unwrap();
                assert!(matches!(confirmed, lapin::Confirmation::Ack(None)), "{confirmed:?}");
            }
            for _ in 0..2 * CONCURRENCY {
                call(&transport).await;
            }
            let stats = server.stats();
            let expected = (2 * CONCURRENCY as u64, 10 * CONCURRENCY as u64);
            assert_eq!((stats.received, stats.undecodable), expected, "{vhost} {stats:?}");
            server.stop();
            server.wait().await.unwrap();
        }
    }
}

/// The limit of the side that takes less than the other.
const LIMIT: usize = 50_000;

/// The methods of the server's link that acknowledge messages, and whether each acknowledges several.
fn acks(proxy: &Proxy) -> Vec<bool> {
    let ack = |method: Method| match method.class {
        AMQPClass::Basic(basic::AMQPMethod::Ack(ack)) => Some(ack.multiple),
        _ => None,
    };
    proxy.methods().into_iter().filter_map(ack).collect()
}

/// Returns whether all queues of the virtual host are empty.
async fn are_empty(node: &Node, vhost: &str) -> bool {
    node.queues(vhost).await.unwrap().iter().all(|queue| queue.messages == 0)
}

#[tokio::test]
async fn a_request_larger_than_the_server_takes_is_rejected_and_its_caller_told() {
    for form in [UrlForm::Amqp, UrlForm::Rabbit] {
        let vhost = format!("a large request {form:?}");
        let node = shared_with_vhost(&vhost).await;
        let (proxy, url) = proxied(node, form, &vhost).await;
        let serving = transport(&with_options(&url, &format!("max_message={LIMIT}")));
        let calling = transport(&node.url(form, &vhost));
        let server = Server::builder(serving, bank().server("one")).endpoint(Scale);
        let server = server.build().unwrap().start().await.unwrap();
        let client = ScaleClient::new(calling, bank());
        let ctx = Context::new();
        client.tare(&ctx).await.unwrap();

        let large = client.weigh(&ctx, "x".repeat(LIMIT + 1));
        match form {
            // In the oslo dialect only the body names the caller, and it was discarded.
            UrlForm::Rabbit => large.cast().timeout(EVENT_TIMEOUT).await.unwrap(),
            _ => {
                let error = large.timeout(EVENT_TIMEOUT).await.unwrap_err();
                let CallError::Rejected(rejected) = &error else { panic!("{error:?}") };
                assert_eq!((rejected.reason(), error.ran()), (&RejectReason::Malformed, Ran::No));
                let text = error.to_string();
                assert!(text.contains("this server takes at most 50000"), "{text}");
            }
        }
        until("the request was rejected", async || server.stats().undecodable == 1).await;
        let before = acks(&proxy).len();
        let mut calls = JoinSet::new();
        for length in 0..40 {
            let call = client.weigh(&ctx, "x".repeat(length)).timeout(EVENT_TIMEOUT);
            calls.spawn(async move { assert_eq!(call.await.unwrap(), length) });
        }
        while let Some(call) = calls.join_next().await {
            call.unwrap();
        }
        until("the queues are empty", async || are_empty(node, &vhost).await).await;
        let acks = acks(&proxy).split_off(before);
        assert!(acks.contains(&true), "no ack was for several messages: {acks:?}");
        server.stop();
        server.wait().await.unwrap();
    }
}

#[tokio::test]
async fn a_reply_larger_than_the_client_takes_fails_its_call() {
    let vhost = "a large reply";
    let node = shared_with_vhost(vhost).await;
    let url = node.url(UrlForm::Amqp, vhost);
    let serving = transport(&url);
    let calling = transport(&with_options(&url, &format!("max_message={LIMIT}")));
    let server = Server::builder(serving, bank().server("one")).endpoint(Scale);
    let server = server.build().unwrap().start().await.unwrap();
    let client = ScaleClient::new(calling, bank());
    let ctx = Context::new();
    for _ in 0..3 {
        let large = client.copies(&ctx, "ten bytes.".into(), LIMIT / 10).timeout(EVENT_TIMEOUT);
        let error = large.await.unwrap_err();
        let CallError::Transport(error) = error else { panic!("{error:?}") };
        assert_eq!(error.kind(), TransportErrorKind::MalformedReply, "{error}");
        assert_ne!(error.ran(), Ran::No, "{error}");
        assert!(error.to_string().contains("this client takes at most 50000"), "{error}");
        let small = client.copies(&ctx, "x".into(), LIMIT / 2).timeout(EVENT_TIMEOUT);
        assert_eq!(small.await.unwrap().len(), LIMIT / 2);
    }
    until("the queues are empty", async || are_empty(node, vhost).await).await;
    server.stop();
    server.wait().await.unwrap();
}

struct Busy(watch::Receiver<bool>);

#[endpoint(client = BusyClient)]
impl Busy {
    pub async fn wait(&self, _ctx: &Context, text: String) -> usize {
        let _ = self.0.clone().wait_for(|open| *open).await;
        text.len()
    }
}

/// Its body was discarded, so a copy of it would be another message.
#[tokio::test]
async fn a_request_that_is_too_large_is_not_copied_when_its_server_is_busy_or_stops() {
    for stops in [false, true] {
        let vhost = format!("no copy {stops}");
        let node = shared_with_vhost(&vhost).await;
        let url = node.url(UrlForm::Amqp, &vhost);
        let limited = with_options(&url, &format!("max_message={LIMIT}"));
        let barrier = watch::Sender::new(false);
        let serve = async |name: &'static str, concurrency| {
            let server = Server::builder(transport(&limited), bank().server(name));
            let server = server.endpoint(Busy(barrier.subscribe())).concurrency(concurrency);
            server.build().unwrap().start().await.unwrap()
        };
        let one = serve("one", Concurrency::Limit(1)).await;
        let client = BusyClient::new(transport(&url), bank());
        let ctx = Context::new();
        let call = |text: String| tokio::spawn(client.wait(&ctx, text).timeout(EVENT_TIMEOUT));
        let first = call("x".into());
        until("the server is busy", async || one.stats().in_flight == 1).await;
        let large = call("x".repeat(LIMIT + 1));
        until("the large request waits at it", async || {
            let queues = node.queues(&vhost).await.unwrap();
            queues.iter().any(|queue| queue.name == "rpc/bank" && queue.unacknowledged == 1)
        })
        .await;
        let two = serve("two", Concurrency::Limit(8)).await;
        if stops {
            one.stop();
            until("the second server rejects it", async || two.stats().undecodable == 1).await;
        } else {
            // Long enough for a small request to be redistributed.
            let small = call("xx".into());
            until("the second server runs", async || two.stats().in_flight == 1).await;
            assert_eq!((one.stats().undecodable, two.stats().undecodable), (0, 0));
            barrier.send_replace(true);
            assert_eq!(small.await.unwrap().unwrap(), 2);
        }
        barrier.send_replace(true);
        let error = large.await.unwrap().unwrap_err().to_string();
        assert!(error.contains("this server takes at most 50000"), "{error}");
        assert_eq!(first.await.unwrap().unwrap(), 1);
        for server in [one, two] {
            server.stop();
            server.wait().await.unwrap();
        }
    }
}
