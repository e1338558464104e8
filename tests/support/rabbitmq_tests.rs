//! Tests of the private RabbitMQ nodes, of their clusters, and of the proxy.

#![allow(clippy::unwrap_used)]

mod cluster_tests;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use lapin::options::{
    BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::protocol::{AMQPClass, queue};
use lapin::tcp::{OwnedIdentity, OwnedTLSConfig};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionBuilder, ConnectionProperties};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rpc_tests::support::poll::{EVENT_TIMEOUT, until};
use rpc_tests::support::rabbitmq::{
    Cut, Direction, Node, NodeOptions, Proxy, Tls, UrlForm, permissive, shared,
};
use rpc_tests::support::raw_publisher::{Property, RawPublisher, properties};
use tokio::time::timeout;

/// How long nothing may happen until a test concludes that nothing will.
const QUIET_PERIOD: Duration = Duration::from_millis(500);

const DURABLE: QueueDeclareOptions = QueueDeclareOptions {
    durable: true,
    passive: false,
    exclusive: false,
    auto_delete: false,
    nowait: false,
};

async fn own() -> Node {
    Node::start(NodeOptions::default()).await.unwrap()
}

/// Returns the shared node, and creates this test's own virtual host in it.
async fn shared_with_vhost(vhost: &str) -> &'static Node {
    let node = shared().await.unwrap();
    node.create_vhost(vhost).await.unwrap();
    node
}

async fn connect(url: &str) -> Connection {
    Connection::connect(url, ConnectionProperties::default()).await.unwrap()
}

async fn channel(node: &Node) -> Channel {
    connect(&node.url(UrlForm::Amqp, "/")).await.create_channel().await.unwrap()
}

async fn declare(channel: &Channel, name: &str) -> lapin::Result<lapin::Queue> {
    channel.queue_declare(name.into(), DURABLE, FieldTable::default()).await
}

/// Publishes a persistent message and waits until it is confirmed.
async fn publish(channel: &Channel, queue: &str) -> lapin::Result<()> {
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let properties = BasicProperties::default().with_delivery_mode(2);
    let options = BasicPublishOptions::default();
    channel.basic_publish("".into(), queue.into(), options, b"m", properties).await?.await?;
    Ok(())
}

async fn proxied(node: &Node, vhost: &str) -> (Proxy, String) {
    let proxy = Proxy::start(SocketAddr::from((Ipv4Addr::LOCALHOST, node.port()))).await.unwrap();
    let url = node.url(UrlForm::Amqp, vhost);
    let url = url.replace(&format!(":{}/", node.port()), &format!(":{}/", proxy.port()));
    (proxy, url)
}

/// Returns the processes that have this folder in their arguments or their environment.
fn processes_of(folder: &Path) -> Vec<PathBuf> {
    let folder = folder.as_os_str().as_encoded_bytes();
    let names = |file: PathBuf| {
        let text = fs::read(file).unwrap_or_default();
        text.windows(folder.len()).any(|window| window == folder)
    };
    let entries = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|p| names(p.join("environ")) || names(p.join("cmdline"))).collect()
}

async fn until_nothing_is_left_of(folder: &Path) {
    until("no process and no folder is left", async || {
        !folder.exists() && processes_of(folder).is_empty()
    })
    .await;
}

#[tokio::test]
async fn what_is_durable_outlives_a_kill() {
    let node = own().await;
    let channel = channel(&node).await;
    declare(&channel, "kept").await.unwrap();
    publish(&channel, "kept").await.unwrap();
    node.sync().await.unwrap();

    node.kill().await.unwrap();
    until("the client notices", async || !channel.status().connected()).await;
    node.eval("1").await.unwrap_err();
    node.restart().await.unwrap();

    let queues = node.queues("/").await.unwrap();
    let [queue] = &queues[..] else { panic!("{queues:?}") };
    assert_eq!((queue.name.as_str(), queue.durable, queue.messages), ("kept", true, 1));
}

#[tokio::test]
async fn a_node_that_was_stopped_can_be_started_again() {
    let node = own().await;
    node.restart().await.unwrap_err();
    declare(&channel(&node).await, "kept").await.unwrap();

    node.stop().await.unwrap();
    node.restart().await.unwrap();

    assert_eq!(node.queues("/").await.unwrap().len(), 1);
    declare(&channel(&node).await, "kept").await.unwrap();
}

#[tokio::test]
async fn a_node_that_is_paused_makes_its_clients_wait() {
    let node = own().await;
    let channel = channel(&node).await;
    node.pause().await.unwrap();
    let mut declared = Box::pin(declare(&channel, "q"));
    timeout(QUIET_PERIOD, &mut declared).await.unwrap_err();
    node.resume().await.unwrap();
    timeout(EVENT_TIMEOUT, declared).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_alarm_blocks_who_publishes_until_it_is_over() {
    let node = own().await;
    let channel = channel(&node).await;
    declare(&channel, "q").await.unwrap();
    node.alarm(true).await.unwrap();
    let mut published = Box::pin(publish(&channel, "q"));
    timeout(QUIET_PERIOD, &mut published).await.unwrap_err();
    assert_eq!(node.connections().await.unwrap()[0].state, "blocked");
    node.alarm(false).await.unwrap();
    timeout(EVENT_TIMEOUT, published).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_node_that_cannot_start_says_why() {
    let settings = vec!["no_such_setting = 1".to_owned()];
    let error = Node::start(NodeOptions { settings, ..NodeOptions::default() }).await.unwrap_err();
    assert!(error.to_string().contains("no_such_setting"), "{error}");
}

/// Declares a queue that is neither durable nor exclusive, and returns whether the node refuses it.
async fn refuses_a_transient_queue(node: &Node) -> bool {
    let options = QueueDeclareOptions { durable: false, ..DURABLE };
    let declared =
        channel(node).await.queue_declare("transient".into(), options, FieldTable::default()).await;
    if let Err(error) = &declared {
        assert!(error.to_string().contains("transient_nonexcl_queues"), "{error}");
    }
    declared.is_err()
}

#[tokio::test]
async fn the_variable_decides_whether_nodes_refuse_transient_queues() {
    for node in [shared().await.unwrap(), &own().await] {
        assert_eq!(refuses_a_transient_queue(node).await, node.refuses_transient());
        declare(&channel(node).await, "durable").await.unwrap();
    }
    let node = permissive().await.unwrap();
    assert!(!node.refuses_transient() && !refuses_a_transient_queue(node).await);
}

#[tokio::test]
async fn a_node_that_is_to_refuse_transient_queues_does_so_or_does_not_start() {
    let version = permissive().await.unwrap().ctl(&["version"]).await.unwrap();
    let options = NodeOptions { refuse_transient: true, ..NodeOptions::default() };
    let started = Node::start(options).await;
    if version.starts_with("3.") {
        let error = started.unwrap_err().to_string();
        for part in [version.trim(), "cannot refuse", "RPC_RABBITMQ_REFUSE_TRANSIENT"] {
            assert!(error.contains(part), "`{part}` is missing in: {error}");
        }
        return;
    }
    let node = started.unwrap();
    assert!(refuses_a_transient_queue(&node).await);
    declare(&channel(&node).await, "durable").await.unwrap();
    let [native, oslo] = [UrlForm::Amqp, UrlForm::Rabbit].map(|form| node.url(form, "/"));
    assert!(!native.contains('?') && oslo.ends_with("/%2F?amqp_durable_queues=true"), "{oslo}");
}

#[tokio::test]
async fn nothing_is_left_of_a_node_that_is_dropped_even_while_paused() {
    let node = own().await;
    let folder = node.folder().to_owned();
    assert!(processes_of(&folder).len() > 2);
    node.pause().await.unwrap();
    drop(node);
    until_nothing_is_left_of(&folder).await;
}

#[tokio::test]
async fn nothing_is_left_when_the_test_process_is_killed() {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "a_process_that_holds_nodes"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
    let folder = |line: String| line.split_once("folder ").map(|(_, path)| PathBuf::from(path));
    let folders: Vec<_> = lines.filter_map(folder).take(2).collect();
    assert!(folders.iter().all(|folder| folder.exists()));
    process.kill().unwrap();
    process.wait().unwrap();
    for folder in &folders {
        until_nothing_is_left_of(folder).await;
    }
}

#[tokio::test]
#[ignore = "runs until it is killed, by `nothing_is_left_when_the_test_process_is_killed`"]
async fn a_process_that_holds_nodes() {
    let paused = own().await;
    paused.pause().await.unwrap();
    for node in [&paused, shared().await.unwrap()] {
        println!("\nfolder {}", node.folder().display());
    }
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn the_node_tells_of_queues_connections_and_channels() {
    let vhost = "tells of / everything";
    let node = shared_with_vhost(vhost).await;
    let connection = connect(&node.url(UrlForm::Amqp, vhost)).await;
    let channel = connection.create_channel().await.unwrap();
    channel.basic_qos(7, Default::default()).await.unwrap();
    let mut arguments = FieldTable::default();
    arguments.insert("x-expires".into(), 60_000.into());
    arguments.insert("x-queue-type".into(), lapin::types::AMQPValue::LongString("classic".into()));
    channel.queue_declare("ü".into(), DURABLE, arguments).await.unwrap();
    publish(&channel, "ü").await.unwrap();
    publish(&channel, "ü").await.unwrap();
    channel.basic_get("ü".into(), Default::default()).await.unwrap().unwrap();

    let queues = node.queues(vhost).await.unwrap();
    let [queue] = &queues[..] else { panic!("{queues:?}") };
    assert_eq!((queue.name.as_str(), queue.messages, queue.unacknowledged), ("ü", 2, 1));
    assert!(queue.durable && !queue.exclusive && !queue.auto_delete);
    let arguments: Vec<_> = queue.arguments.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(arguments, [("x-expires", "60000"), ("x-queue-type", "classic")]);

    let connections = node.connections().await.unwrap();
    let connection = connections.iter().find(|connection| connection.vhost == vhost).unwrap();
    assert_eq!((connection.user.as_str(), connection.channels), ("guest", 1));
    let channels = node.channels().await.unwrap();
    let channel = channels.iter().find(|channel| channel.vhost == vhost).unwrap();
    assert_eq!((channel.unacknowledged, channel.prefetch, channel.confirms), (1, 7, true));
}

#[tokio::test]
async fn the_tools_and_the_evaluator_see_the_same_node() {
    let node = shared_with_vhost("seen").await;
    assert!(node.ctl(&["list_vhosts", "-q"]).await.unwrap().lines().any(|line| line == "seen"));
    node.delete_vhost("seen").await.unwrap();
    assert!(!node.ctl(&["list_vhosts", "-q"]).await.unwrap().lines().any(|line| line == "seen"));

    let error = node.ctl(&["change_password", "nobody", "p"]).await.unwrap_err();
    assert!(error.to_string().contains("nobody"), "{error}");
    assert_eq!(node.eval("{1, <<\"ü\"/utf8>>, a}").await.unwrap(), "{1,<<\"ü\"/utf8>>,a}");
    let error = node.eval("no:such()").await.unwrap_err();
    assert!(error.to_string().contains("undef"), "{error}");
}

#[tokio::test]
async fn users_may_do_what_they_are_allowed_to() {
    let node = shared_with_vhost("users").await;
    node.add_user("ann", "p@ss").await.unwrap();
    let url = node.url(UrlForm::Amqp, "users").replace("guest:guest", "ann:p%40ss");
    Connection::connect(&url, ConnectionProperties::default()).await.unwrap_err();
    node.allow("ann", "users", ["mine", "", ""]).await.unwrap();
    let channel = connect(&url).await.create_channel().await.unwrap();
    declare(&channel, "mine").await.unwrap();
    declare(&channel, "yours").await.unwrap_err();
}

#[tokio::test]
async fn only_connections_of_the_virtual_host_are_closed() {
    let node = shared_with_vhost("closed").await;
    node.create_vhost("not closed").await.unwrap();
    let closed = connect(&node.url(UrlForm::Amqp, "closed")).await;
    let open = connect(&node.url(UrlForm::Amqp, "not closed")).await;
    node.close_connections("closed").await.unwrap();
    until("it is closed", async || !closed.status().connected()).await;
    open.create_channel().await.unwrap();
}

#[tokio::test]
async fn a_link_that_is_cut_ends_for_both_sides_and_another_can_be_opened() {
    let node = shared_with_vhost("cut").await;
    let (proxy, url) = proxied(node, "cut").await;
    for how in [Cut::Finish, Cut::Reset] {
        let connection = connect(&url).await;
        proxy.cut(how);
        until("the client notices", async || !connection.status().connected()).await;
        timeout(EVENT_TIMEOUT, proxy.until_open(0)).await.unwrap();
        until("the broker notices", async || {
            node.connections().await.unwrap().iter().all(|connection| connection.vhost != "cut")
        })
        .await;
    }
    let connection = connect(&url).await;
    assert_eq!((proxy.links(), proxy.open_links()), (3, 1));
    proxy.refuse();
    Connection::connect(&url, ConnectionProperties::default()).await.unwrap_err();
    connection.create_channel().await.unwrap();
    proxy.accept();
    connect(&url).await;
}

#[tokio::test]
async fn a_frozen_link_stays_open_and_passes_nothing() {
    let node = shared_with_vhost("frozen").await;
    let (proxy, url) = proxied(node, "frozen").await;
    let channel = connect(&url).await.create_channel().await.unwrap();
    let known = async || node.queues("frozen").await.unwrap().len();

    let sent = proxy.bytes(Direction::ToBroker);
    proxy.freeze_all();
    let mut declared = Box::pin(declare(&channel, "first"));
    timeout(QUIET_PERIOD, &mut declared).await.unwrap_err();
    assert_eq!((known().await, proxy.bytes(Direction::ToBroker)), (0, sent));
    proxy.thaw();
    timeout(EVENT_TIMEOUT, declared).await.unwrap().unwrap();
    assert!(proxy.bytes(Direction::ToBroker) > sent);

    let received = proxy.bytes(Direction::ToClient);
    proxy.freeze(Direction::ToClient);
    let mut declared = Box::pin(declare(&channel, "second"));
    timeout(QUIET_PERIOD, &mut declared).await.unwrap_err();
    assert_eq!((known().await, proxy.bytes(Direction::ToClient)), (2, received));
    proxy.thaw();
    timeout(EVENT_TIMEOUT, declared).await.unwrap().unwrap();
}

#[tokio::test]
async fn the_methods_of_clients_are_recorded_with_their_arguments() {
    let node = shared_with_vhost("recorded").await;
    let (proxy, url) = proxied(node, "recorded").await;
    connect(&url).await;
    let channel = connect(&url).await.create_channel().await.unwrap();
    declare(&channel, "q").await.unwrap();
    let declared: Vec<_> = proxy
        .methods()
        .into_iter()
        .filter_map(|method| match method.class {
            AMQPClass::Queue(queue::AMQPMethod::Declare(declare)) => {
                Some((method.link, method.channel, declare.queue, declare.durable))
            }
            _ => None,
        })
        .collect();
    assert_eq!(declared, [(1, channel.id(), "q".into(), true)]);
}

#[tokio::test]
async fn a_listener_for_tls_asks_for_a_certificate_that_its_authority_signed() {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let signed = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        // A certificate with its authority's own name would be taken for a root.
        params.distinguished_name.push(DnType::CommonName, name);
        (params.signed_by(&key, &authority).unwrap().pem(), key.serialize_pem())
    };
    let (certificate, key) = signed("localhost");
    let tls = Some(Tls {
        ca: authority.pem(),
        certificate,
        key,
        verify_peer: true,
        require_client_certificate: true,
    });
    let node = Node::start(NodeOptions { tls, ..NodeOptions::default() }).await.unwrap();

    let url = node.url(UrlForm::Amqps, "/");
    let connect = async |identity| {
        let config = OwnedTLSConfig { identity, cert_chain: Some(authority.pem()) };
        let builder = ConnectionBuilder::new().unwrap().with_uri_str(url.clone());
        builder.with_tls_config(config).connect().await
    };
    connect(None).await.unwrap_err();
    let (pem, key) = signed("client");
    let (pem, key) = (pem.into_bytes(), key.into_bytes());
    let connection = connect(Some(OwnedIdentity::PKCS8 { pem, key })).await.unwrap();
    connection.create_channel().await.unwrap();
}

#[tokio::test]
async fn a_raw_publisher_tells_what_the_broker_takes_and_refuses() {
    let node = shared_with_vhost("raw").await;
    let channel = connect(&node.url(UrlForm::Amqp, "raw")).await.create_channel().await.unwrap();
    declare(&channel, "q").await.unwrap();
    let connect =
        |password| RawPublisher::connect("127.0.0.1", node.port(), "guest", password, "raw");
    connect("wrong").await.unwrap_err();
    let mut publisher = connect("guest").await.unwrap();
    let property_bytes = properties(&[Property::Type(b"kind"), Property::ContentType(b"a/b")]);
    for length in [0, 200_000] {
        publisher.publish(b"", b"q", &property_bytes, &vec![b'x'; length]).await.unwrap();
        let options = BasicGetOptions { no_ack: true };
        let message = channel.basic_get("q".into(), options).await.unwrap().unwrap();
        assert_eq!(message.data.len(), length);
        let kind = message.properties.kind().as_ref().map(|kind| kind.as_str());
        assert_eq!(kind, Some("kind"));
    }
    let foreign = properties(&[Property::UserId(b"alice")]);
    let error = publisher.publish(b"", b"q", &foreign, b"").await.unwrap_err().to_string();
    assert!(error.contains("user_id property set to 'alice'"), "{error}");
}
