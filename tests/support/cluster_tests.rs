//! Tests of private clusters.

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use rpc_tests::support::poll::until;
use rpc_tests::support::rabbitmq::{Cluster, NODES, Node, NodeOptions, UrlForm};
use tokio::time::timeout;

use crate::{DURABLE, QUIET_PERIOD, declare, until_nothing_is_left_of};

/// A partition shows soon, and the node that is alone stops to serve.
fn options() -> NodeOptions {
    let settings = ["cluster_partition_handling = pause_minority", "net_ticktime = 4"];
    NodeOptions { settings: settings.map(str::to_owned).to_vec(), ..NodeOptions::default() }
}

async fn channel(node: &Node) -> Channel {
    let url = node.url(UrlForm::Amqp, "/");
    let connection = Connection::connect(&url, ConnectionProperties::default()).await.unwrap();
    connection.create_channel().await.unwrap()
}

async fn declare_quorum(channel: &Channel, name: &str) -> lapin::Result<lapin::Queue> {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    channel.queue_declare(name.into(), DURABLE, arguments).await
}

/// Publishes a message, and returns whether the broker put it into the queue.
async fn takes(channel: &Channel, queue: &str) -> bool {
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let properties = BasicProperties::default().with_delivery_mode(2);
    let sent = channel.basic_publish("".into(), queue.into(), options, b"m", properties).await;
    sent.unwrap().await.unwrap().take_message().is_none()
}

/// Kills each node in turn, and has the cluster heal.
#[tokio::test]
async fn a_killed_node_takes_its_classic_queues_along_and_no_quorum_queue() {
    let cluster = Cluster::start(options()).await.unwrap();
    for (index, node) in cluster.nodes().iter().enumerate() {
        let (classic, quorum) = (format!("classic {index}"), format!("quorum {index}"));
        let own = channel(node).await;
        declare(&own, &classic).await.unwrap();
        declare_quorum(&own, &quorum).await.unwrap();
        for queue in [&classic, &quorum] {
            assert_eq!(cluster.node_of("/", queue).await.unwrap(), index);
        }
        node.sync().await.unwrap();

        node.kill().await.unwrap();
        assert!(!node.runs().await.unwrap());
        let other = &cluster.nodes()[(index + 1) % NODES];
        until("another node leads the quorum queue", async || {
            cluster.node_of("/", &quorum).await.is_ok_and(|leader| leader != index)
        })
        .await;
        let channel = channel(other).await;
        declare_quorum(&channel, &quorum).await.unwrap();
        assert!(takes(&channel, &quorum).await);
        // RabbitMQ 3 refuses at once, RabbitMQ 4 tries for a minute.
        match timeout(QUIET_PERIOD, declare(&channel, &classic)).await {
            Ok(Ok(_)) => panic!("{classic} can be declared while its node is down"),
            Ok(Err(error)) => {
                assert!(error.to_string().contains("down or inaccessible"), "{error}");
            }
            Err(_) => {}
        }

        cluster.heal().await.unwrap();
        declare(&self::channel(other).await, &classic).await.unwrap();
        assert_eq!(cluster.node_of("/", &classic).await.unwrap(), index);
    }
}

#[tokio::test]
async fn the_others_go_on_without_a_node_that_is_paused() {
    let cluster = Cluster::start(options()).await.unwrap();
    let [paused, other, _] = cluster.nodes();
    declare_quorum(&channel(paused).await, "q").await.unwrap();
    paused.pause().await.unwrap();
    until("another node leads the quorum queue", async || {
        cluster.node_of("/", "q").await.is_ok_and(|leader| leader != 0)
    })
    .await;
    assert!(takes(&channel(other).await, "q").await);
    cluster.heal().await.unwrap();
    assert!(takes(&channel(paused).await, "q").await);
}

#[tokio::test]
async fn a_url_of_a_cluster_names_its_hosts() {
    let cluster = Cluster::start(NodeOptions::default()).await.unwrap();
    let [one, two, three] = cluster.nodes().each_ref().map(Node::port);
    let login = "guest:guest@127.0.0.1";
    let expected = format!("amqp://{login}:{one},{login}:{two},{login}:{three}/%2F");
    assert_eq!(cluster.url(UrlForm::Amqp, "/"), expected);
    let folders = cluster.nodes().each_ref().map(|node| node.folder().to_owned());
    drop(cluster);
    for folder in folders {
        until_nothing_is_left_of(&folder).await;
    }
}
