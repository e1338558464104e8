//! Reply and fanout queues whose names are the same after a restart of the program.

use lapin::options::{BasicConsumeOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Connection, ConnectionProperties};
use rpc_core::Transport;
use rpc_tests::support::rabbitmq::{Node, UrlForm, with_options};

use crate::bank::{call, serve, shared_with_vhost, transport};

const FORMS: [UrlForm; 2] = [UrlForm::Amqp, UrlForm::Rabbit];

/// Returns the options in the spelling of each form.
fn options(form: UrlForm, process: &str) -> String {
    let option = match form {
        UrlForm::Rabbit => "use_queue_manager",
        _ => "stable_names",
    };
    format!("{option}=true&hostname=node1&processname={process}&transient_ttl=77")
}

async fn has_queue(node: &Node, vhost: &str, end: &str) -> bool {
    node.queues(vhost).await.unwrap().iter().any(|queue| queue.name.ends_with(end))
}

#[tokio::test]
async fn queues_with_stable_names_stay_for_the_next_process() {
    for (form, vhost) in FORMS.into_iter().zip(["stable native", "stable oslo"]) {
        let node = shared_with_vhost(vhost).await;
        let process = format!("kept{form:?}");
        let url = with_options(&node.url(form, vhost), &options(form, &process));
        let serving = transport(&url);
        let server = serve(&serving).await;
        let calling = transport(&url);
        call(&calling).await;
        server.stop();
        server.wait().await.unwrap();
        calling.close().await;
        serving.close().await;
        let queues = node.queues(vhost).await.unwrap();
        for number in 1..=3 {
            let end = format!("node1:{process}:{number}");
            let queue = queues.iter().find(|queue| queue.name.ends_with(&end));
            let queue = queue.unwrap_or_else(|| panic!("{end} is missing: {queues:?}"));
            assert_eq!(queue.arguments["x-expires"], "77000");
        }
    }
}

#[tokio::test]
async fn a_stable_name_that_another_process_has_is_not_taken() {
    for (form, vhost) in FORMS.into_iter().zip(["taken native", "taken oslo"]) {
        let node = shared_with_vhost(vhost).await;
        let process = format!("taken{form:?}");
        let url = node.url(UrlForm::Amqp, vhost);
        let other = Connection::connect(&url, ConnectionProperties::default()).await.unwrap();
        let channel = other.create_channel().await.unwrap();
        // The first transport takes the name for its reply queue.
        let prefix = if form == UrlForm::Rabbit { "reply_" } else { "rpc.reply/" };
        let taken = format!("{prefix}node1:{process}:1");
        let mut arguments = FieldTable::default();
        arguments.insert("x-expires".into(), AMQPValue::LongLongInt(77_000));
        let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        channel.queue_declare(taken.as_str().into(), durable, arguments).await.unwrap();
        let exclusive = BasicConsumeOptions { exclusive: true, ..BasicConsumeOptions::default() };
        let consumed =
            channel.basic_consume(taken.as_str().into(), "".into(), exclusive, <_>::default());
        let _consumer = consumed.await.unwrap();

        let transport = transport(&with_options(&node.url(form, vhost), &options(form, &process)));
        let server = serve(&transport).await;
        call(&transport).await;
        assert!(has_queue(node, vhost, &format!("{prefix}node1:{process}:3")).await);
        server.stop();
        server.wait().await.unwrap();
        transport.close().await;
    }
}
