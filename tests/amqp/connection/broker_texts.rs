//! Errors of the broker that only their text tells apart. Names that users choose are part of these texts, so each test uses names
//! that sound like another error, and names so long that the broker cuts the text off. The text by which brokers refuse transient
//! queues is in `topology.rs`, those of limits of connections and channels in `limits.rs`.

use lapin::options::{BasicConsumeOptions, QueueDeclareOptions};
use lapin::{Connection, ConnectionProperties};
use rpc_core::{Server, Target};
use rpc_tests::support::rabbitmq::{Node, UrlForm};
use rpc_transport_amqp::AmqpTransport;
use tokio::time::timeout;
use tracing::Level;

use crate::bank::{
    Bank, EVENT_TIMEOUT, assert_says, refused_start, shared_with_vhost, transport, until,
};
use crate::log_scanner::warnings;
use crate::users::{PASSWORD, shared_with_stranger, shared_with_user, url_of};

fn server(transport: &AmqpTransport, topic: &str) -> Server {
    let target = Target::topic(topic.to_owned()).server("one");
    Server::builder(transport.clone(), target).endpoint(Bank).build().unwrap()
}

/// Starts a server, which must fail soon, and returns the text of the error.
async fn refused_on(transport: &AmqpTransport, topic: &str) -> String {
    let started = timeout(EVENT_TIMEOUT, server(transport, topic).start()).await;
    started.expect("the start fails soon").unwrap_err().to_string()
}

/// Returns a topic whose name is about as long as that of a server's fanout queue permits.
fn long(topic: &str) -> String {
    format!("{topic}{}", "x".repeat(210 - topic.len()))
}

async fn lapin(node: &Node, vhost: &str) -> Connection {
    let url = node.url(UrlForm::Amqp, vhost);
    Connection::connect(&url, ConnectionProperties::default()).await.unwrap()
}

/// ACCESS_REFUSED, "queue … in exclusive use".
#[tokio::test]
async fn a_queue_that_another_consumer_has_for_itself_is_waited_for() {
    let node = shared_with_vhost("exclusive").await;
    for topic in ["access to queue".to_owned(), long("access to queue")] {
        let other = lapin(node, "exclusive").await;
        let channel = other.create_channel().await.unwrap();
        let options = QueueDeclareOptions { durable: true, ..<_>::default() };
        channel.queue_declare(topic.as_str().into(), options, <_>::default()).await.unwrap();
        let exclusive = BasicConsumeOptions { exclusive: true, ..<_>::default() };
        let consumed =
            channel.basic_consume(topic.as_str().into(), "".into(), exclusive, <_>::default());
        // Dropped, it would be cancelled.
        let _consumer = consumed.await.unwrap();

        let logs = warnings();
        let url = node.url_without_options(UrlForm::Rabbit, "exclusive");
        let transport = transport(&format!("{url}?amqp_durable_queues=true"));
        let mut starting = Box::pin(server(&transport, &topic).start());
        let said = until("the log says what the start waits for", async || {
            let lines = logs.at(Level::WARN);
            lines.iter().any(|line| {
                line.says("has not started yet") && line.says("another consumer has it")
            })
        });
        tokio::select! {
            started = &mut starting => panic!("{started:?}"),
            () = said => {}
        }
        other.close(200, "done".into()).await.unwrap();
        let running = timeout(EVENT_TIMEOUT, starting).await.expect("it starts soon").unwrap();
        running.stop();
        running.wait().await.unwrap();
    }
}

/// ACCESS_REFUSED, "access to queue … refused for user …".
#[tokio::test]
async fn a_queue_that_may_not_be_used_is_not_waited_for_whatever_its_name_is() {
    let vhost = "in exclusive use";
    let node = shared_with_user(vhost, "ned", ["^$", ".*", ".*"]).await;
    let url = url_of(node, UrlForm::Rabbit, vhost, "ned", PASSWORD);
    for topic in [vhost.to_owned(), long(vhost)] {
        assert_says(&refused_on(&transport(&url), &topic).await, &["permission", "configure"]);
    }
}

/// NOT_ALLOWED, "vhost … not found" and "access to vhost … refused for user …"; ACCESS_REFUSED, "Login was refused …".
#[tokio::test]
async fn what_refuses_a_connection_is_told_apart_whatever_the_names_are() {
    let vhost = "connection limit (0) is reached";
    let node = shared_with_stranger(vhost, "vhost").await;
    for form in [UrlForm::Amqp, UrlForm::Rabbit] {
        let of_user = |vhost: &str, password: &str| url_of(node, form, vhost, "vhost", password);
        let wrong_password = refused_start(&transport(&of_user(vhost, "wrong"))).await;
        assert_says(&wrong_password, &["refuses user `vhost` or its password"]);
        for missing in ["limit".to_owned(), "limit".repeat(50)] {
            let text = refused_start(&transport(&of_user(&missing, PASSWORD))).await;
            assert_says(&text, &["user `vhost` cannot use the virtual host", &missing]);
        }
        let not_allowed = refused_start(&transport(&of_user(vhost, PASSWORD))).await;
        assert_says(&not_allowed, &["user `vhost` cannot use the virtual host", vhost]);
    }
}

/// PRECONDITION_FAILED, "inequivalent arg …" and "cannot declare queue … limit …".
#[tokio::test]
async fn other_properties_are_told_from_a_limit_whatever_the_names_are() {
    let vhost = "queue limit";
    let node = shared_with_vhost(vhost).await;
    let url = node.url(UrlForm::Rabbit, vhost);
    let other = lapin(node, vhost).await;
    let channel = other.create_channel().await.unwrap();
    let topics = ["inequivalent arg limit".to_owned(), long("inequivalent arg limit")];
    for topic in &topics {
        let options = QueueDeclareOptions { durable: true, auto_delete: true, ..<_>::default() };
        channel.queue_declare(topic.as_str().into(), options, <_>::default()).await.unwrap();
        let text = refused_on(&transport(&url), topic).await;
        assert_says(&text, &["other properties"]);
        assert!(!text.contains("raise this limit"), "{text}");
        channel.queue_delete(topic.as_str().into(), <_>::default()).await.unwrap();
    }
    node.ctl(&["set_vhost_limits", "-p", vhost, r#"{"max-queues": 0}"#]).await.unwrap();
    for topic in &topics {
        let text = refused_on(&transport(&url), topic).await;
        assert_says(&text, &["raise this limit"]);
        assert!(!text.contains("other properties"), "{text}");
    }
}
