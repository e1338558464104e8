//! Permissions that the broker denies: each error is told apart, comes at once, and is not retried again and again.

use std::time::Duration;

use rpc_core::error::{Ran, TransportErrorKind};
use rpc_core::{CallError, Context};
use rpc_tests::support::rabbitmq::{UrlForm, with_options};
use tokio::time::{Instant, sleep};
use tracing::Level;

use crate::bank::{
    assert_says, call, client, proxied, refused, refused_start, serve, shared_with_vhost,
    transport, until,
};
use crate::log_scanner::warnings;
use crate::users::{EVERYTHING, PASSWORD, shared_with_stranger, shared_with_user, url_of};

const FORMS: [UrlForm; 2] = [UrlForm::Amqp, UrlForm::Rabbit];

async fn assert_refused(url: &str, parts: &[&str]) {
    let transport = transport(url);
    assert_says(&refused(&transport).await, parts);
    let text = refused_start(&transport).await;
    assert_says(&text, parts);
    assert_says(&text, &["could not start", "topic `bank`"]);
}

#[tokio::test]
async fn a_wrong_password_is_told_from_everything_else() {
    let node = shared_with_user("password", "ann", EVERYTHING).await;
    for form in FORMS {
        for user in ["ann", "nobody"] {
            let url = url_of(node, form, "password", user, "wrong");
            assert_refused(&url, &["user", user, "password", "127.0.0.1"]).await;
        }
    }
}

#[tokio::test]
async fn a_virtual_host_that_is_not_there_or_not_for_the_user_is_told_from_everything_else() {
    let node = shared_with_stranger("closed shop", "bob").await;
    for form in FORMS {
        for vhost in ["no such", "closed shop"] {
            let url = url_of(node, form, vhost, "bob", PASSWORD);
            assert_refused(&url, &["virtual host", vhost, "bob", "permission"]).await;
        }
    }
}

#[tokio::test]
async fn a_reply_queue_that_may_not_be_declared_fails_calls_at_once() {
    let node = shared_with_stranger("no reply", "cat").await;
    for form in FORMS {
        node.allow("cat", "no reply", ["^$", ".*", ".*"]).await.unwrap();
        let transport = transport(&url_of(node, form, "no reply", "cat", PASSWORD));
        for _ in 0..2 {
            assert_says(&refused(&transport).await, &["reply", "cat", "permission", "configure"]);
        }
        // Once it is allowed it works, and nobody has to make another transport.
        node.allow("cat", "no reply", EVERYTHING).await.unwrap();
        let server = serve(&transport).await;
        until("calls work", async || {
            let called = client(&transport);
            called.balance(&Context::new(), "ada".into()).await.is_ok()
        })
        .await;
        server.stop();
        server.wait().await.unwrap();
    }
}

#[tokio::test]
async fn a_queue_that_may_not_be_declared_fails_the_servers_start() {
    let permissions = ["^(reply_|rpc.reply/).*", ".*", ".*"];
    let node = shared_with_user("no topic", "dan", permissions).await;
    for form in FORMS {
        let transport = transport(&url_of(node, form, "no topic", "dan", PASSWORD));
        let text = refused_start(&transport).await;
        assert_says(&text, &["could not start", "bank", "dan", "permission", "configure"]);
    }
}

#[tokio::test]
async fn who_may_not_publish_is_told_so() {
    let node = shared_with_user("no writing", "eve", [".*", "^$", ".*"]).await;
    for form in FORMS {
        let serving = transport(&node.url(form, "no writing"));
        let server = serve(&serving).await;
        let transport = transport(&url_of(node, form, "no writing", "eve", PASSWORD));
        let client = client(&transport);
        let called = client.balance(&Context::new(), "ada".into()).await;
        let CallError::Transport(error) = called.unwrap_err() else { panic!() };
        assert_eq!(error.kind(), TransportErrorKind::Unavailable);
        assert_says(&error.to_string(), &["eve", "permission", "write"]);
        let cast = client.balance(&Context::new(), "ada".into()).cast().await;
        let CallError::Transport(error) = cast.unwrap_err() else { panic!() };
        assert_eq!((error.kind(), error.ran()), (TransportErrorKind::Unavailable, Ran::No));
        assert_says(&error.to_string(), &["eve", "permission", "write"]);
        server.stop();
        server.wait().await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_may_not_publish_replies_says_so_in_its_log() {
    // Its own queues and exchanges, but not the default exchange.
    let write = "^(bank|openstack|reply_|rpc).*";
    let node = shared_with_user("no answers", "ivy", [".*", write, ".*"]).await;
    for form in FORMS {
        let logs = warnings();
        let serving = transport(&url_of(node, form, "no answers", "ivy", PASSWORD));
        let calling = transport(&node.url(form, "no answers"));
        let server = serve(&serving).await;
        let deadline = Duration::from_secs(1);
        let called = client(&calling).balance(&Context::new(), "ada".into()).timeout(deadline);
        assert!(called.await.unwrap_err().is_timeout());
        until("the log says so", async || {
            logs.at(Level::WARN).iter().any(|line| line.says("a reply") && line.says("ivy"))
        })
        .await;
        server.stop();
        server.wait().await.unwrap();
    }
}

#[tokio::test]
async fn a_refused_connection_is_not_retried_in_a_loop() {
    let node = shared_with_vhost("storm").await;
    for form in FORMS {
        let (proxy, url) = proxied(node, form, "storm").await;
        let transport = transport(&url.replace("guest:guest", "guest:wrong"));
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(3) {
            refused(&transport).await;
            sleep(Duration::from_millis(5)).await;
        }
        // One attempt of each of the two connections, and nothing for at least half the longest pause, which is 10 s.
        assert!(proxy.links() <= 2, "{} attempts", proxy.links());
    }
}

#[tokio::test]
async fn a_corrected_password_is_used_without_another_transport() {
    let node = shared_with_user("mended", "fay", EVERYTHING).await;
    let serving = transport(&node.url(UrlForm::Rabbit, "mended"));
    let server = serve(&serving).await;
    // 2 s between attempts at the most.
    let url = url_of(node, UrlForm::Rabbit, "mended", "fay", "new");
    let transport = transport(&with_options(&url, "rabbit_interval_max=2"));
    refused(&transport).await;
    node.ctl(&["change_password", "fay", "new"]).await.unwrap();
    let mended = Instant::now();
    until("calls work", async || {
        let called = client(&transport);
        called.balance(&Context::new(), "ada".into()).await.is_ok()
    })
    .await;
    assert!(mended.elapsed() < Duration::from_secs(6), "it took {:?}", mended.elapsed());
    call(&transport).await;
    server.stop();
    server.wait().await.unwrap();
}
