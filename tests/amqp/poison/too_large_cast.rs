//! A cast that the broker finds too large, beside casts that it takes.

use std::sync::Arc;

use rpc_core::error::Ran;
use rpc_core::{Context, RpcClient, Target, Transport as _};
use rpc_tests::support::poll::{EVENT_TIMEOUT, until};
use rpc_tests::support::rabbitmq::{Node, NodeOptions, UrlForm};
use rpc_transport_amqp::AmqpTransport;
use serde_json::json;
use tokio::task::JoinSet;

use crate::neighbours::{Runs, Service, ServiceClient, serve};

/// The largest message that the broker takes.
const MAX_MESSAGE_SIZE: usize = 100_000;

const ROUNDS: u64 = 10;
const CASTS: u64 = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cast_that_the_broker_finds_too_large_fails_and_no_other_is_said_not_to_run_that_runs() {
    let settings = vec![format!("max_message_size = {MAX_MESSAGE_SIZE}")];
    let node = Node::start(NodeOptions { settings, ..<_>::default() }).await.unwrap();
    for form in [UrlForm::Amqp, UrlForm::Rabbit] {
        let vhost = format!("too large {form:?}");
        node.create_vhost(&vhost).await.unwrap();
        let url = node.url(form, &vhost);
        let [serving, calling] = [(); 2].map(|()| AmqpTransport::from_url(&url).unwrap());
        let (runs, target) = (Arc::<Runs>::default(), Target::topic("bank"));
        let service = Service { runs: Arc::clone(&runs), barrier: None };
        let server = serve(&serving, target.clone().server("one"), service, 64).await;
        let large = RpcClient::new(calling.clone(), target.clone());
        let client = Arc::new(ServiceClient::new(calling.clone(), target));

        let (mut confirmed, mut not_run) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let beside = ROUNDS * CASTS + 2 * round;
            let mut casts = JoinSet::new();
            for number in round * CASTS..(round + 1) * CASTS {
                let client = Arc::clone(&client);
                casts.spawn(async move {
                    let cast = client.note(&Context::new(), number).cast();
                    (number, cast.timeout(EVENT_TIMEOUT).await)
                });
            }
            let among = cast_too_large(&large, beside).await;
            not_run.extend((among == Ran::No).then_some(beside));
            while let Some(cast) = casts.join_next().await {
                match cast.unwrap() {
                    (number, Ok(())) => confirmed.push(number),
                    (number, Err(error)) if error.ran() == Ran::No => not_run.push(number),
                    // It may have run or not.
                    (_, Err(error)) => assert!(error.to_string().contains("406"), "{error}"),
                }
            }
            // Alone, it is certainly the one that the broker did not take.
            assert_eq!(cast_too_large(&large, beside + 1).await, Ran::No);
            not_run.push(beside + 1);
        }
        until("each confirmed cast has run", async || {
            let casts = runs.casts();
            confirmed.iter().all(|number| casts.contains_key(number))
        })
        .await;
        until("the queues are empty", async || {
            node.queues(&vhost).await.unwrap().iter().all(|queue| queue.messages == 0)
        })
        .await;
        let casts = runs.casts();
        let twice: Vec<_> = casts.iter().filter(|(_, times)| **times != 1).collect();
        assert!(twice.is_empty(), "these ran more than once: {twice:?}");
        let ran: Vec<_> = not_run.iter().filter(|number| casts.contains_key(number)).collect();
        assert!(ran.is_empty(), "{ran:?} ran, and their callers were told that they did not");
        println!("{form:?}: {} confirmed, {} not run", confirmed.len(), not_run.len());
        client.note(&Context::new(), 0).cast().await.unwrap();
        server.stop();
        server.wait().await.unwrap();
        for transport in [serving, calling] {
            transport.close().await;
        }
    }
}

/// Casts what the broker finds too large. Returns whether it is said to have run.
async fn cast_too_large(client: &RpcClient, number: u64) -> Ran {
    let (ctx, text) = (Context::new(), "x".repeat(2 * MAX_MESSAGE_SIZE));
    let cast = client.call::<()>(&ctx, "note", &json!({"number": number, "text": text})).cast();
    let error = cast.timeout(EVENT_TIMEOUT).await.unwrap_err();
    let shown = error.to_string();
    assert!(shown.contains("406") && shown.contains("larger than"), "{shown}");
    error.ran()
}
