//! Limits of virtual hosts and users: they are reported as what they are, and what waits for them to pass says so.

use std::time::Duration;

use rpc_core::Context;
use rpc_tests::conformance::harness::Logs;
use rpc_tests::support::rabbitmq::{Node, UrlForm};
use rpc_transport_amqp::AmqpTransport;
use tokio::time::{Instant, sleep, timeout};
use tracing::Level;

use crate::bank::{
    EVENT_TIMEOUT, assert_says, call, client, proxied, refused, refused_start, serve,
    shared_with_vhost, transport, try_serve, until,
};
use crate::log_scanner::warnings;
use crate::users::{EVERYTHING, PASSWORD, shared_with_user, url_of};

const FORMS: [UrlForm; 2] = [UrlForm::Amqp, UrlForm::Rabbit];

async fn limit_vhost(node: &Node, vhost: &str, limits: &str) {
    node.ctl(&["set_vhost_limits", "-p", vhost, limits]).await.unwrap();
}

async fn limit_user(node: &Node, user: &str, limits: &str) {
    node.ctl(&["set_user_limits", user, limits]).await.unwrap();
}

async fn unlimit_user(node: &Node, user: &str) {
    node.ctl(&["clear_user_limits", user, "all"]).await.unwrap();
}

/// Returns how often the log says that the server has not started, with all of these.
fn waits(logs: &Logs, parts: &[&str]) -> usize {
    let lines = logs.at(Level::WARN).into_iter();
    let waiting = lines.filter(|line| line.says("has not started yet"));
    waiting.filter(|line| parts.iter().all(|part| line.says(part))).count()
}

/// Starts a server while a limit is reached, and lifts the limit when the log has said that, once.
async fn starts_once_lifted(transport: &AmqpTransport, parts: &[&str], lift: impl AsyncFnOnce()) {
    let (logs, began) = (warnings(), Instant::now());
    let mut starting = Box::pin(try_serve(transport));
    let said = async {
        while waits(&logs, parts) == 0 {
            assert!(began.elapsed() < EVENT_TIMEOUT, "{parts:?} is missing in {logs:?}");
            sleep(Duration::from_millis(20)).await;
        }
        // It is said once.
        sleep(Duration::from_millis(2500)).await;
        assert_eq!(waits(&logs, parts), 1, "{logs:?}");
    };
    tokio::select! {
        started = &mut starting => panic!("{started:?}"),
        () = said => {}
    }
    lift().await;
    let server = timeout(EVENT_TIMEOUT, starting).await.expect("the server starts soon").unwrap();
    call(transport).await;
    server.stop();
    server.wait().await.unwrap();
}

#[tokio::test]
async fn a_virtual_host_with_all_its_queues_is_reported_as_that() {
    let node = shared_with_vhost("queues").await;
    for form in FORMS {
        limit_vhost(node, "queues", r#"{"max-queues": 0}"#).await;
        let transport = transport(&node.url(form, "queues"));
        for text in [refused_start(&transport).await, refused(&transport).await] {
            assert_says(&text, &["queue limit", "in vhost 'queues'", "raise this limit"]);
            assert!(!text.contains("other properties"), "{text}");
        }
        limit_vhost(node, "queues", "{}").await;
        let server = serve(&transport).await;
        until("calls work", async || {
            client(&transport).balance(&Context::new(), "ada".into()).await.is_ok()
        })
        .await;
        server.stop();
        server.wait().await.unwrap();
    }
}

#[tokio::test]
async fn a_server_waits_for_a_connection_of_its_virtual_host_and_says_so() {
    let node = shared_with_vhost("connections").await;
    for form in FORMS {
        limit_vhost(node, "connections", r#"{"max-connections": 0}"#).await;
        let transport = transport(&node.url(form, "connections"));
        let parts = ["bank", "one", "connection limit (0) is reached", "raise this limit"];
        starts_once_lifted(&transport, &parts, async || {
            limit_vhost(node, "connections", "{}").await;
        })
        .await;
    }
}

#[tokio::test]
async fn a_server_waits_for_a_connection_of_its_user_and_says_so() {
    let vhost = "user connections";
    let node = shared_with_user(vhost, "max", EVERYTHING).await;
    for form in FORMS {
        limit_user(node, "max", r#"{"max-connections": 0}"#).await;
        let transport = transport(&url_of(node, form, vhost, "max", PASSWORD));
        let parts = ["bank", "max", "connection limit (0) is reached", "raise this limit"];
        starts_once_lifted(&transport, &parts, async || unlimit_user(node, "max").await).await;
    }
}

#[tokio::test]
async fn a_server_waits_for_a_channel_of_its_user_and_says_so() {
    let vhost = "user channels";
    let node = shared_with_user(vhost, "moe", EVERYTHING).await;
    for form in FORMS {
        limit_user(node, "moe", r#"{"max-channels": 0}"#).await;
        let transport = transport(&url_of(node, form, vhost, "moe", PASSWORD));
        // RabbitMQ 4.0 names itself in place of the user.
        let parts = ["bank", "channels", "limit", "raise this limit"];
        starts_once_lifted(&transport, &parts, async || unlimit_user(node, "moe").await).await;
    }
}

#[tokio::test]
async fn a_server_that_waits_for_its_broker_says_so() {
    let node = shared_with_vhost("absent").await;
    for form in FORMS {
        let (proxy, url) = proxied(node, form, "absent").await;
        proxy.refuse();
        let transport = transport(&url);
        let port = proxy.port().to_string();
        starts_once_lifted(&transport, &["bank", "connection", &port], async || proxy.accept())
            .await;
    }
}
