//! Topics whose last server has gone: calls that are sent before the next consumer check, and calls that were received before.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rpc_core::error::{Ran, TransportErrorKind};
use rpc_core::{CallError, Context, Server, Target, endpoint};
use rpc_tests::support::rabbitmq::UrlForm;
use rpc_transport_amqp::AmqpTransport;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::bank::{BankClient, EVENT_TIMEOUT, call, client, serve, shared_with_vhost, transport};

/// An endpoint whose method runs until the test releases it.
struct Slow {
    begun: Arc<Notify>,
    end: Arc<Notify>,
}

#[endpoint]
impl Slow {
    pub async fn wait(&self, _ctx: &Context) -> bool {
        self.begun.notify_one();
        self.end.notified().await;
        true
    }
}

#[tokio::test]
async fn a_call_to_a_topic_whose_last_server_has_just_stopped_fails_long_before_its_deadline() {
    let node = shared_with_vhost("deserted").await;
    for form in [UrlForm::Amqp, UrlForm::Rabbit] {
        let url = node.url(form, "deserted");
        let (serving, calling) = (transport(&url), transport(&url));
        let server = serve(&serving).await;
        call(&calling).await;
        server.stop();
        server.wait().await.unwrap();
        let began = Instant::now();
        let lonely = client(&calling).balance(&Context::new(), "ada".into());
        let error = lonely.timeout(EVENT_TIMEOUT * 3).await.unwrap_err();
        assert!(began.elapsed() < EVENT_TIMEOUT, "{form:?}: {error}");
        let CallError::Transport(error) = error else { panic!("{form:?}: {error:?}") };
        assert_eq!(error.kind(), TransportErrorKind::MissingServer, "{form:?}: {error}");
        // It waits in the queue, and a server may yet come.
        assert_eq!(error.ran(), Ran::Unknown, "{form:?}: {error}");
    }
}

/// Calls `count` topics that nobody serves. Each call costs a channel of a connection: the broker closes it, and its number
/// cannot be used again.
async fn call_missing_queues(transport: &AmqpTransport, count: usize) {
    let mut calls = JoinSet::new();
    for number in 0..count {
        let target = Target::topic(format!("missing {number}"));
        let client = BankClient::new(transport.clone(), target);
        if calls.len() >= 64 {
            let error = calls.join_next().await.unwrap().unwrap();
            assert_eq!(error, (TransportErrorKind::MissingServer, Ran::No));
        }
        calls.spawn(async move {
            let called = client.balance(&Context::new(), "ada".into()).timeout(EVENT_TIMEOUT).await;
            let CallError::Transport(error) = called.unwrap_err() else {
                panic!("it was answered")
            };
            (error.kind(), error.ran())
        });
    }
    for error in calls.join_all().await {
        assert_eq!(error, (TransportErrorKind::MissingServer, Ran::No));
    }
}

#[tokio::test]
async fn calls_to_many_missing_queues_cost_no_server_its_connection() {
    let node = shared_with_vhost("missing queues").await;
    let transport = transport(&node.url(UrlForm::Amqp, "missing queues"));
    let server = serve(&transport).await;
    call(&transport).await;
    let ports = async || {
        let connections = node.connections().await.unwrap().into_iter();
        let ours = connections.filter(|connection| connection.vhost == "missing queues");
        ours.map(|connection| connection.peer_port).collect::<Vec<_>>()
    };
    let before = ports().await;
    call_missing_queues(&transport, 1200).await;
    let after = ports().await;
    assert!(before.iter().all(|port| after.contains(port)), "{before:?} became {after:?}");
    server.stop();
    server.wait().await.unwrap();
}

/// Checks of queues want a third connection then, which the broker does not grant.
#[tokio::test]
async fn calls_to_many_missing_queues_fail_at_once_where_no_further_connection_is_allowed() {
    let node = shared_with_vhost("two connections").await;
    let transport = transport(&node.url(UrlForm::Amqp, "two connections"));
    let server = serve(&transport).await;
    call(&transport).await;
    let limit = ["set_vhost_limits", "-p", "two connections", r#"{"max-connections": 2}"#];
    node.ctl(&limit).await.unwrap();
    call_missing_queues(&transport, 300).await;
    call(&transport).await;
    server.stop();
    server.wait().await.unwrap();
}

#[tokio::test]
async fn a_call_that_was_received_is_not_failed_while_its_server_shuts_down() {
    let node = shared_with_vhost("draining").await;
    for form in [UrlForm::Amqp, UrlForm::Rabbit] {
        let url = node.url(form, "draining");
        let (serving, calling) = (transport(&url), transport(&url));
        let slow = Slow { begun: Arc::default(), end: Arc::default() };
        let (begun, end) = (Arc::clone(&slow.begun), Arc::clone(&slow.end));
        let server = Server::builder(serving, Target::topic("slow").server("one")).endpoint(slow);
        let server = server.build().unwrap().start().await.unwrap();
        let client = SlowClient::new(calling, Target::topic("slow"));
        let answer = tokio::spawn(client.wait(&Context::new()));
        timeout(EVENT_TIMEOUT, begun.notified()).await.expect("the method begins soon");
        server.stop();
        // As long as callers take to find a topic deserted, and more.
        sleep(Duration::from_secs(4)).await;
        assert!(!answer.is_finished(), "{form:?}");
        end.notify_one();
        assert!(answer.await.unwrap().unwrap(), "{form:?}");
        server.wait().await.unwrap();
    }
}
