//! Cleanup on the broker: nothing stays of a process that has ended.

use std::time::Duration;

use lapin::{Connection, ConnectionProperties};
use rpc_core::Transport;
use rpc_tests::support::rabbitmq::{Cut, Node, QueueInfo, UrlForm, with_options};
use tokio::time::Instant;

use crate::bank::{
    call, permissive_with_vhost, proxied, serve, shared_with_vhost, transport, until,
};

const FORMS: [UrlForm; 2] = [UrlForm::Amqp, UrlForm::Rabbit];

/// Returns the names of the reply queues and fanout queues.
async fn own_queues(node: &Node, vhost: &str) -> Vec<QueueInfo> {
    let queues = node.queues(vhost).await.unwrap();
    let own = |queue: &QueueInfo| queue.name.contains("reply") || queue.name.contains("fanout");
    queues.into_iter().filter(own).collect()
}

#[tokio::test]
async fn queues_of_one_process_are_durable_expire_and_have_one_consumer() {
    for (form, vhost) in FORMS.into_iter().zip(["own native", "own oslo"]) {
        let node = shared_with_vhost(vhost).await;
        let transport = transport(&with_options(&node.url(form, vhost), "transient_ttl=77"));
        let server = serve(&transport).await;
        call(&transport).await;
        let queues = own_queues(node, vhost).await;
        assert_eq!(queues.len(), 2, "{queues:?}");
        let url = node.url(UrlForm::Amqp, vhost);
        let other = Connection::connect(&url, ConnectionProperties::default()).await.unwrap();
        for queue in queues {
            assert!(queue.durable && !queue.exclusive && !queue.auto_delete, "{queue:?}");
            assert_eq!(queue.arguments["x-expires"], "77000");
            assert_eq!(queue.consumers, 1);
            let channel = other.create_channel().await.unwrap();
            let name = queue.name.as_str().into();
            let consumed = channel.basic_consume(name, "".into(), <_>::default(), <_>::default());
            let error = consumed.await.unwrap_err().to_string();
            assert!(error.contains("exclusive use"), "{error}");
        }
        server.stop();
        server.wait().await.unwrap();
    }
}

#[tokio::test]
async fn a_transport_that_is_closed_leaves_nothing_of_its_own() {
    for (form, vhost) in FORMS.into_iter().zip(["closed native", "closed oslo"]) {
        let node = shared_with_vhost(vhost).await;
        let (serving, calling) =
            (transport(&node.url(form, vhost)), transport(&node.url(form, vhost)));
        let server = serve(&serving).await;
        call(&calling).await;
        // One reply queue each, and the fanout queue of the server.
        assert_eq!(own_queues(node, vhost).await.len(), 3);
        server.stop();
        server.wait().await.unwrap();
        let own = own_queues(node, vhost).await;
        assert!(own.iter().all(|queue| queue.name.contains("reply")), "{own:?}");
        calling.close().await;
        serving.close().await;
        assert_eq!(own_queues(node, vhost).await, []);
        let connections = node.connections().await.unwrap();
        assert!(connections.iter().all(|connection| connection.vhost != vhost), "{connections:?}");
    }
}

#[tokio::test]
async fn a_transport_that_is_dropped_leaves_nothing_of_its_own() {
    for (form, vhost) in FORMS.into_iter().zip(["dropped native", "dropped oslo"]) {
        let node = shared_with_vhost(vhost).await;
        let transport = transport(&node.url(form, vhost));
        let server = serve(&transport).await;
        call(&transport).await;
        server.stop();
        server.wait().await.unwrap();
        drop(server);
        drop(transport);
        until("all is gone", async || own_queues(node, vhost).await.is_empty()).await;
    }
}

#[tokio::test]
async fn after_a_crash_the_broker_removes_what_is_left_once_its_time_is_up() {
    for (form, vhost) in FORMS.into_iter().zip(["crashed native", "crashed oslo"]) {
        let node = shared_with_vhost(vhost).await;
        let (proxy, url) = proxied(node, form, vhost).await;
        let transport = transport(&with_options(&url, "transient_ttl=1"));
        let server = serve(&transport).await;
        call(&transport).await;
        assert_eq!(own_queues(node, vhost).await.len(), 2);
        until("the call is acknowledged", async || {
            node.queues(vhost).await.unwrap().iter().all(|queue| queue.messages == 0)
        })
        .await;
        // The broker hears nothing of this process any more.
        proxy.refuse();
        proxy.cut(Cut::Reset);
        let crashed = Instant::now();
        until("they have expired", async || own_queues(node, vhost).await.is_empty()).await;
        assert!(crashed.elapsed() >= Duration::from_millis(900), "{:?}", crashed.elapsed());
        let left = node.queues(vhost).await.unwrap();
        assert!(left.iter().all(|queue| queue.messages == 0), "{left:?}");
        // And if it was no crash: everything is made anew.
        proxy.accept();
        until("it is back", async || {
            let queues = node.queues(vhost).await.unwrap();
            queues.len() == 4 && queues.iter().all(|queue| queue.consumers == 1)
        })
        .await;
        call(&transport).await;
        server.stop();
        server.wait().await.unwrap();
    }
}

#[tokio::test]
async fn queues_of_topics_are_durable_or_quorum_as_the_url_says() {
    let cases = [
        ("kept 1", UrlForm::Amqp, "", true, "classic"),
        ("kept 2", UrlForm::Amqp, "quorum=true", true, "quorum"),
        ("kept 3", UrlForm::Rabbit, "", false, "classic"),
        ("kept 4", UrlForm::Rabbit, "amqp_durable_queues=true", true, "classic"),
        ("kept 5", UrlForm::Rabbit, "rabbit_quorum_queue=true", true, "quorum"),
    ];
    for (vhost, form, options, durable, kind) in cases {
        let node = permissive_with_vhost(vhost).await;
        let url = node.url_without_options(form, vhost);
        let transport = transport(&with_options(&url, options));
        let server = serve(&transport).await;
        call(&transport).await;
        let queues = node.queues(vhost).await.unwrap();
        let shared: Vec<_> = queues
            .iter()
            .filter(|queue| !queue.name.contains("reply") && !queue.name.contains("fanout"))
            .collect();
        assert_eq!(shared.len(), 2, "{queues:?}");
        for queue in shared {
            assert_eq!(queue.durable, durable, "{queue:?}");
            // RabbitMQ 4 names the type of every queue, older versions only one that was asked for.
            let listed = queue.arguments.get("x-queue-type").map_or("classic", String::as_str);
            assert_eq!(listed, kind, "{queue:?}");
            // Only those of servers' names in the native form: names may be drawn at random.
            let expires = form == UrlForm::Amqp && queue.name.ends_with("/one");
            assert_eq!(queue.arguments.contains_key("x-expires"), expires, "{queue:?}");
        }
        server.stop();
        server.wait().await.unwrap();
        let left = node.queues(vhost).await.unwrap();
        assert!(left.len() >= 2, "they wait for the next server: {left:?}");
    }
}
