//! Calls whose replies come back to the server as if they were requests.

use std::sync::Arc;

use rpc_core::{Context, Target, Transport as _};
use rpc_tests::support::poll::{EVENT_TIMEOUT, until};
use rpc_tests::support::rabbitmq::{UrlForm, shared};
use rpc_tests::support::seeded_rng::SeededRng;
use rpc_transport_amqp::AmqpTransport;
use tokio::sync::watch;

use crate::draft::{CALL, Draft, Text, enveloped, native, oslo_members, packed_map, packed_text};
use crate::hostile_env::{PUBLISHER, publisher};
use crate::neighbours::{Runs, Service, ServiceClient, serve};

/// Well-behaved calls behind the hostile ones. A reply that was answered again would get in between.
const CALLS: u64 = 200;

/// Returns a call whose reply goes to this queue.
fn call(rng: &mut SeededRng, form: UrlForm, method: &str, reply_queue: &str) -> Draft {
    let mut draft = Draft::default();
    if form == UrlForm::Amqp {
        // With a call monitor, so that the server also says that the method still runs.
        let fields: [(&str, &[u8]); 2] = [("m", &packed_text(method.as_bytes())), ("w", &[100])];
        let args = packed_map(&[("number", &[7])]);
        draft.body = native(CALL, u128::from(rng.seed()), &packed_map(&fields), &args);
        draft.set(Text::ReplyTo, reply_queue);
        draft.set(Text::CorrelationId, format!("{:032x}", rng.seed()));
    } else {
        let mut members = oslo_members(rng, Some(reply_queue));
        members["method"] = method.into();
        draft.body = enveloped(&members.to_string());
        draft.set(Text::ContentType, "application/json");
    }
    draft
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_names_a_queue_of_its_server_for_the_reply_settles_down() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = SeededRng::new(seed);
    for form in [UrlForm::Amqp, UrlForm::Rabbit] {
        let (node, vhost) = (shared().await.unwrap(), format!("reply loop {form:?}"));
        node.create_vhost(&vhost).await.unwrap();
        // The user may be there already.
        let _ = node.add_user(PUBLISHER, PUBLISHER).await;
        node.allow(PUBLISHER, &vhost, [".*", ".*", ".*"]).await.unwrap();
        let url = node.url(form, &vhost);
        let [serving, calling] = [(); 2].map(|()| AmqpTransport::from_url(&url).unwrap());
        let (runs, barrier) = (Arc::<Runs>::default(), watch::Sender::new(false));
        let service = Service { runs: Arc::clone(&runs), barrier: Some(barrier.subscribe()) };
        let server = serve(&serving, Target::topic("bank").server("one"), service, 64).await;
        let mut publisher = publisher(node, &vhost).await;

        // Each of the server's queues, with a method that ends at once, one that runs for a while, and one that is not there.
        let queues = node.queues(&vhost).await.unwrap();
        let queues: Vec<_> = queues.iter().map(|queue| queue.name.as_str()).collect();
        let queues: Vec<_> = queues.into_iter().filter(|name| !name.contains("reply")).collect();
        assert_eq!(queues.len(), 3, "{queues:?}");
        let topic = if form == UrlForm::Amqp { "rpc/bank" } else { "bank" };
        for queue in &queues {
            for method in ["echo", "note", "missing"] {
                let call = call(&mut rng, form, method, queue);
                let (properties, body) = (call.properties(), &call.body);
                publisher.publish(b"", topic.as_bytes(), &properties, body).await.unwrap();
            }
        }
        // The replies of `echo` and `missing`; and in the native form notices that `note` still runs.
        let expected = if form == UrlForm::Amqp { 9 } else { 6 };
        until("replies have come back", async || server.stats().undecodable >= expected).await;
        barrier.send_replace(true);
        until("all have come back and none waits", async || {
            let stats = server.stats();
            stats.undecodable >= expected + 3
                && stats.in_flight == 0
                && node.queues(&vhost).await.unwrap().iter().all(|queue| queue.messages == 0)
        })
        .await;
        let before = server.stats();
        let client = ServiceClient::new(calling.clone(), Target::topic("bank"));
        for number in 0..CALLS {
            let echo = client.echo(&Context::new(), number).timeout(EVENT_TIMEOUT).await;
            assert_eq!(echo.unwrap(), number);
        }
        let after = server.stats();
        assert_eq!(
            (after.undecodable, after.received),
            (before.undecodable, before.received + CALLS),
            "replies are answered again and again"
        );
        server.stop();
        server.wait().await.unwrap();
        for transport in [serving, calling] {
            transport.close().await;
        }
    }
}
