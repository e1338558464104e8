//! Messages that take long to decode, or cannot be decoded, beside others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Connection, ConnectionProperties};
use rpc_core::layer::{Next, RpcRequest, from_fn};
use rpc_core::server::Concurrency;
use rpc_core::{Context, Server, endpoint};
use rpc_tests::support::rabbitmq::UrlForm;

use crate::bank::{Bank, EVENT_TIMEOUT, bank, call, shared_with_vhost, transport};

struct Scale;

#[endpoint(client = ScaleClient)]
impl Scale {
    pub fn weigh(&self, _ctx: &Context, text: String) -> usize {
        text.len()
    }

    pub fn tare(&self, _ctx: &Context) {}
}

/// How many small calls are served while a large one, sent before them, is decoded.
const SMALL_CALLS: usize = 3;

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
    small_before.store(0, Ordering::SeqCst);

    // Quotes are escaped twice, which makes them the slowest to decode.
    let text = "\"".repeat(3 << 20);
    let large = client.weigh(&ctx, text).timeout(EVENT_TIMEOUT);
    let small = async {
        while !large_decoded.load(Ordering::SeqCst) {
            client.tare(&ctx).timeout(EVENT_TIMEOUT).await.unwrap();
        }
    };
    let (weighed, ()) = tokio::join!(large, small);
    assert_eq!(weighed.unwrap(), 3 << 20);
    let before = small_before.load(Ordering::SeqCst);
    assert!(before >= SMALL_CALLS, "{before} small calls were served before the large one");
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
            assert_eq!((stats.received, stats.undecodable), expected, "{vhost}");
            server.stop();
            server.wait().await.unwrap();
        }
    }
}
