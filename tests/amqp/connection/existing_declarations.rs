//! Exchanges and queues that exist already, as a Python server declares them.

use lapin::options::{ExchangeDeclareOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ConnectionProperties, ExchangeKind};
use rpc_core::Transport;
use rpc_tests::support::rabbitmq::{Node, UrlForm, with_options};
use tracing::Level;

use crate::bank::{assert_says, call, permissive_with_vhost, refused_start, serve, transport};
use crate::log_scanner::warnings;

/// A Python server's declarations.
struct Python {
    node: &'static Node,
    vhost: &'static str,
    channel: Channel,
}

impl Python {
    async fn in_vhost(vhost: &'static str) -> Self {
        let node = permissive_with_vhost(vhost).await;
        let (url, properties) = (node.url(UrlForm::Amqp, vhost), ConnectionProperties::default());
        let connection = Connection::connect(&url, properties).await.unwrap();
        Self { node, vhost, channel: connection.create_channel().await.unwrap() }
    }

    async fn exchange(&self, durable: bool, auto_delete: bool) {
        let options = ExchangeDeclareOptions { durable, auto_delete, ..<_>::default() };
        let declared = self.channel.exchange_declare(
            "openstack".into(),
            ExchangeKind::Topic,
            options,
            <_>::default(),
        );
        declared.await.unwrap();
    }

    async fn queue(&self, durable: bool, auto_delete: bool, arguments: &[(&str, AMQPValue)]) {
        let options = QueueDeclareOptions { durable, auto_delete, ..<_>::default() };
        let mut table = FieldTable::default();
        for (name, value) in arguments {
            table.insert((*name).into(), value.clone());
        }
        self.channel.queue_declare("bank".into(), options, table).await.unwrap();
    }

    fn url(&self, options: &str) -> String {
        with_options(&self.node.url_without_options(UrlForm::Rabbit, self.vhost), options)
    }

    /// Returns which queues of the topic are durable.
    async fn durable(&self) -> Vec<(String, bool)> {
        let queues = self.node.queues(self.vhost).await.unwrap();
        let shared = queues.into_iter().filter(|queue| !queue.name.contains("fanout"));
        let mut durable: Vec<_> = shared
            .filter(|queue| queue.name.starts_with("bank"))
            .map(|queue| (queue.name, queue.durable))
            .collect();
        durable.sort();
        durable
    }
}

fn quorum() -> (&'static str, AMQPValue) {
    ("x-queue-type", AMQPValue::LongString("quorum".into()))
}

#[tokio::test]
async fn a_topic_queue_that_is_there_with_other_properties_fails_the_start() {
    for (vhost, options) in [("elsewhere 1", ""), ("elsewhere 2", "rabbit_quorum_queue=true")] {
        let python = Python::in_vhost(vhost).await;
        python.queue(true, false, &[]).await;
        let text = refused_start(&transport(&python.url(options))).await;
        assert_says(&text, &["could not start", "`bank`", "other properties", "durable", "quorum"]);
    }
}

#[tokio::test]
async fn the_options_of_python_servers_have_the_same_meaning_here() {
    let delivery_limit = ("x-delivery-limit", AMQPValue::LongInt(5));
    let in_memory = ("x-max-in-memory-length", AMQPValue::LongInt(100));
    type Arguments = [(&'static str, AMQPValue)];
    let cases: [(&str, &str, bool, bool, &Arguments); 5] = [
        ("same 1", "", false, false, &[]),
        ("same 2", "amqp_durable_queues=true", true, false, &[]),
        ("same 3", "amqp_durable_queues=true&amqp_auto_delete=true", true, true, &[]),
        ("same 4", "rabbit_quorum_queue=true", true, false, &[quorum()]),
        (
            "same 5",
            "rabbit_quorum_queue=true&rabbit_quorum_delivery_limit=5&rabbit_quorum_max_memory_length=100",
            true,
            false,
            &[quorum(), delivery_limit, in_memory],
        ),
    ];
    for (vhost, options, durable, auto_delete, arguments) in cases {
        let python = Python::in_vhost(vhost).await;
        python.exchange(durable, auto_delete).await;
        python.queue(durable, auto_delete, arguments).await;
        let transport = transport(&python.url(options));
        let server = serve(&transport).await;
        call(&transport).await;
        server.stop();
        server.wait().await.unwrap();
    }
}

#[tokio::test]
async fn an_exchange_that_is_not_durable_is_used_as_it_is() {
    let python = Python::in_vhost("passing exchange").await;
    python.exchange(false, false).await;
    // Another server of the topic that has made do with it, too.
    python.queue(false, false, &[]).await;
    let logs = warnings();
    let transport = transport(&python.url("amqp_durable_queues=true"));
    let server = serve(&transport).await;
    call(&transport).await;
    assert_eq!(
        python.durable().await,
        [("bank".to_owned(), false), ("bank.one".to_owned(), false)]
    );
    let warnings = logs.at(Level::WARN);
    assert!(
        warnings.iter().any(|line| line.says("not durable") && line.says("openstack")),
        "{logs:?}"
    );
    server.stop();
    server.wait().await.unwrap();
    transport.close().await;
}

#[tokio::test]
async fn quorum_queues_stay_durable_at_an_exchange_that_is_not() {
    let python = Python::in_vhost("quorum at a passing exchange").await;
    python.exchange(false, false).await;
    let transport = transport(&python.url("rabbit_quorum_queue=true"));
    let server = serve(&transport).await;
    call(&transport).await;
    assert_eq!(python.durable().await, [("bank".to_owned(), true), ("bank.one".to_owned(), true)]);
    server.stop();
    server.wait().await.unwrap();
}

#[tokio::test]
async fn an_exchange_that_differs_in_more_than_that_fails_the_start() {
    let python = Python::in_vhost("durable exchange").await;
    python.exchange(true, false).await;
    let text = refused_start(&transport(&python.url(""))).await;
    assert_says(&text, &["could not start", "openstack", "other properties"]);

    let python = Python::in_vhost("auto-delete exchange").await;
    python.exchange(false, true).await;
    let text = refused_start(&transport(&python.url("amqp_durable_queues=true"))).await;
    assert_says(&text, &["could not start", "openstack", "auto_delete", "other properties"]);
}
