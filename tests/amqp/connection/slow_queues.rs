//! Queues about which the broker does not answer for a while: calls to other queues are not delayed.

use amq_protocol::protocol::{AMQPClass, queue};
use lapin::options::{BasicConsumeOptions, QueueDeclareOptions};
use lapin::{Channel, Connection, ConnectionProperties, Consumer};
use rpc_core::error::{Ran, TransportErrorKind};
use rpc_core::{CallError, Context, Target};
use rpc_tests::support::rabbitmq::{Node, Proxy, UrlForm, with_options};
use rpc_transport_amqp::AmqpTransport;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::bank::{
    BankClient, EVENT_TIMEOUT, call, proxied, serve, shared_with_vhost, transport, until,
};

/// Longer than any test.
const LONG: std::time::Duration = std::time::Duration::from_secs(300);

/// Declares and consumes a queue, which is that of a topic over `rabbit://`.
async fn consume(connection: &Connection, queue: &str) -> (Channel, Consumer) {
    let channel = connection.create_channel().await.unwrap();
    let options = QueueDeclareOptions { durable: true, ..<_>::default() };
    channel.queue_declare(queue.into(), options, <_>::default()).await.unwrap();
    let options = BasicConsumeOptions::default();
    let consumer = channel.basic_consume(queue.into(), "".into(), options, <_>::default());
    let consumer = consumer.await.unwrap();
    (channel, consumer)
}

async fn lapin(node: &Node, vhost: &str) -> Connection {
    let url = node.url(UrlForm::Amqp, vhost);
    Connection::connect(&url, ConnectionProperties::default()).await.unwrap()
}

/// Has the processes of queues stop, so that the broker answers nothing about them, or go on.
async fn each_queue(node: &Node, action: &str, vhost: &str, queues: &[String]) {
    for queue in queues {
        let resource = format!("rabbit_misc:r(<<\"{vhost}\">>, queue, <<\"{queue}\">>)");
        let process = format!("amqqueue:get_pid(element(2, rabbit_amqqueue:lookup({resource})))");
        node.eval(format!("sys:{action}({process})")).await.unwrap();
    }
}

async fn call_topic(transport: AmqpTransport, topic: String) -> CallError {
    let client = BankClient::new(transport, Target::topic(topic));
    client.balance(&Context::new(), "ada".into()).timeout(LONG).await.unwrap_err()
}

#[tokio::test]
async fn a_topic_whose_server_has_gone_is_noticed_while_the_broker_is_slow_about_others() {
    let vhost = "slow checks";
    let node = shared_with_vhost(vhost).await;
    let (holding, leaving) = (lapin(node, vhost).await, lapin(node, vhost).await);
    let slow: Vec<_> = (0..5).map(|number| format!("slow {number}")).collect();
    let mut consumers = Vec::new();
    for queue in &slow {
        consumers.push(consume(&holding, queue).await);
    }
    let _gone = consume(&leaving, "gone").await;
    let transport = transport(&node.url(UrlForm::Rabbit, vhost));
    let mut slow_calls = JoinSet::new();
    for topic in &slow {
        slow_calls.spawn(call_topic(transport.clone(), topic.clone()));
    }
    let mut lost = tokio::spawn(call_topic(transport.clone(), "gone".to_owned()));
    until("all calls are received and not answered", async || {
        let queues = node.queues(vhost).await.unwrap();
        queues.iter().filter(|queue| queue.unacknowledged == 1).count() == slow.len() + 1
    })
    .await;
    each_queue(node, "suspend", vhost, &slow).await;
    leaving.close(200, "gone".into()).await.unwrap();
    // Each of the others takes 5 s to give up, and each is checked again and again.
    let noticed = timeout(EVENT_TIMEOUT, &mut lost).await;
    each_queue(node, "resume", vhost, &slow).await;
    let CallError::Transport(error) = noticed.expect("it is noticed soon").unwrap() else {
        panic!("it fails as there is no server")
    };
    assert_eq!((error.kind(), error.ran()), (TransportErrorKind::MissingServer, Ran::Unknown));
    assert!(slow_calls.try_join_next().is_none(), "they have a consumer");
}

#[tokio::test]
async fn a_call_is_not_delayed_by_many_to_a_topic_about_which_the_broker_is_slow() {
    let vhost = "slow topic";
    let node = shared_with_vhost(vhost).await;
    let holding = lapin(node, vhost).await;
    let slow = ["slow".to_owned()];
    let _consumer = consume(&holding, &slow[0]).await;
    let transport = transport(&node.url(UrlForm::Rabbit, vhost));
    let server = serve(&transport).await;
    each_queue(node, "suspend", vhost, &slow).await;
    let mut slow_calls = JoinSet::new();
    for _ in 0..200 {
        slow_calls.spawn(call_topic(transport.clone(), slow[0].clone()));
    }
    until("they wait", async || transport.pending_calls() == 200).await;
    call(&transport).await;
    each_queue(node, "resume", vhost, &slow).await;
    assert!(slow_calls.try_join_next().is_none(), "they have a consumer");
    drop(slow_calls);
    server.stop();
    server.wait().await.unwrap();
}

#[tokio::test]
async fn a_quorum_queue_whose_leader_is_slow_is_not_taken_for_one_without_servers() {
    let vhost = "slow leader";
    let node = shared_with_vhost(vhost).await;
    let (proxy, url) = proxied(node, UrlForm::Amqp, vhost).await;
    let serving = transport(&with_options(&node.url(UrlForm::Amqp, vhost), "quorum=true"));
    let server = serve(&serving).await;
    let queue = "rpc/bank".to_owned();
    each_queue(node, "suspend", vhost, std::slice::from_ref(&queue)).await;
    let client = transport(&url);
    let called = call(&client);
    let resumed = async {
        until("the queue is checked several times", async || checks(&proxy, &queue) > 2).await;
        each_queue(node, "resume", vhost, std::slice::from_ref(&queue)).await;
    };
    tokio::join!(called, resumed);
    server.stop();
    server.wait().await.unwrap();
}

/// Returns how often clients asked for the status of a queue.
fn checks(proxy: &Proxy, name: &str) -> usize {
    let is_check = |class: &AMQPClass| match class {
        AMQPClass::Queue(queue::AMQPMethod::Declare(it)) => it.passive && it.queue.as_str() == name,
        _ => false,
    };
    proxy.methods().iter().filter(|method| is_check(&method.class)).count()
}

#[tokio::test]
async fn callers_share_the_checks_of_a_topic_and_all_are_told_that_it_has_no_server() {
    let vhost = "shared checks";
    let node = shared_with_vhost(vhost).await;
    let other = lapin(node, vhost).await;
    let (channel, consumer) = consume(&other, "lonely").await;
    drop(consumer);
    channel.close(200, "gone".into()).await.unwrap();
    let (proxy, url) = proxied(node, UrlForm::Rabbit, vhost).await;
    let transport = transport(&url);
    let mut calls = JoinSet::new();
    for _ in 0..200 {
        calls.spawn(call_topic(transport.clone(), "lonely".to_owned()));
    }
    while let Some(error) = calls.join_next().await {
        let CallError::Transport(error) = error.unwrap() else { panic!() };
        assert_eq!((error.kind(), error.ran()), (TransportErrorKind::MissingServer, Ran::No));
    }
    let checks = checks(&proxy, "lonely");
    // All of them waited for the reply queue. The first one checks, and the next check is that of all others.
    assert!((1..=4).contains(&checks), "{checks} checks");
    // A server that comes is seen by the next call.
    let _consumer = consume(&other, "lonely").await;
    let sent = tokio::spawn(call_topic(transport.clone(), "lonely".to_owned()));
    until("it is received", async || {
        node.queues(vhost).await.unwrap().iter().any(|queue| queue.unacknowledged == 1)
    })
    .await;
    sent.abort();
}
