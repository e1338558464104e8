//! Messages that name the user who has published them.

use std::sync::Arc;

use rpc_core::Target;
use rpc_tests::support::poll::until;
use rpc_tests::support::rabbitmq::{UrlForm, shared};
use rpc_transport_amqp::AmqpTransport;
use serde_json::json;
use tokio::sync::watch;

use crate::broker_view::{OpenChannels, logged_errors};
use crate::draft::{CAST, Draft, Text, enveloped, native, packed_map, packed_text};
use crate::hostile_env::{PUBLISHER, publisher};
use crate::neighbours::{Runs, Service, serve};

const CASTS: u64 = 128;

/// How many messages each server runs, and how many more it prefetches.
const CONCURRENCY: usize = 16;

/// The servers are another user than the publisher. Copies of what waits at the busy one are published by that user.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn casts_of_another_user_are_redistributed_and_run_once() {
    for form in [UrlForm::Amqp, UrlForm::Rabbit] {
        let (node, vhost) = (shared().await.unwrap(), format!("user id {form:?}"));
        node.create_vhost(&vhost).await.unwrap();
        // The user may be there already.
        let _ = node.add_user(PUBLISHER, PUBLISHER).await;
        node.allow(PUBLISHER, &vhost, [".*", ".*", ".*"]).await.unwrap();
        let url = node.url(form, &vhost);
        let (runs, barrier) = (Arc::<Runs>::default(), watch::Sender::new(false));
        let target = |name: &'static str| Target::topic("bank").server(name);
        let transports = [(); 2].map(|()| AmqpTransport::from_url(&url).unwrap());
        let service = Service { runs: Arc::clone(&runs), barrier: Some(barrier.subscribe()) };
        let busy = serve(&transports[0], target("busy"), service, CONCURRENCY).await;
        let mut publisher = publisher(node, &vhost).await;
        let queue: &[u8] = if form == UrlForm::Amqp { b"rpc/bank" } else { b"bank" };
        for number in 1..=CASTS {
            let cast = cast(form, number);
            publisher.publish(b"", queue, &cast.properties(), &cast.body).await.unwrap();
        }
        let ran = || runs.casts().len();
        until("the busy server runs all that it can", async || ran() == CONCURRENCY).await;
        until("more casts wait at the busy server", async || {
            let queues = node.queues(&vhost).await.unwrap();
            queues.iter().any(|queue| queue.unacknowledged == CONCURRENCY)
        })
        .await;
        let open = OpenChannels::of(node, &vhost, "guest").await;

        let service = Service { runs: Arc::clone(&runs), barrier: None };
        let free = serve(&transports[1], target("free"), service, CONCURRENCY).await;
        let all = usize::try_from(CASTS).unwrap();
        until("the free server runs what the busy one cannot", async || ran() == all).await;
        barrier.send_replace(true);
        until("the queues are empty", async || {
            node.queues(&vhost).await.unwrap().iter().all(|queue| queue.messages == 0)
        })
        .await;
        let twice: Vec<_> = runs.casts().into_iter().filter(|(_, times)| *times != 1).collect();
        assert!(twice.is_empty(), "these casts did not run once: {twice:?}");
        open.assert_still_open(node, &vhost, "guest").await;
        assert_eq!(logged_errors(node, &vhost, "guest"), [""; 0], "{vhost}");
        for server in [busy, free] {
            server.stop();
            server.wait().await.unwrap();
        }
    }
}

fn cast(form: UrlForm, number: u64) -> Draft {
    let mut draft = Draft::default();
    let byte = u8::try_from(number).unwrap();
    draft.body = if form == UrlForm::Amqp {
        let header = packed_map(&[("m", &packed_text(b"note"))]);
        // As an integer of one byte.
        native(CAST, number.into(), &header, &packed_map(&[("number", &[0xcc, byte])]))
    } else {
        let args = json!({"number": number});
        let id = format!("{number:032x}");
        enveloped(&json!({"method": "note", "args": args, "_unique_id": id}).to_string())
    };
    draft.set(Text::UserId, PUBLISHER);
    draft
}
