//! Bodies of all sizes, over TCP and TLS.

use rpc_amqp::{Connection, Options, Outcome, Properties};
use rpc_tests::support::seeded_rng::SeededRng;

use crate::broker::{Broker, SMALLEST_FRAME, declare, in_time, seed};
use crate::messages::{Received, publish, short_form, to};

const LARGEST: usize = 3 * 1024 * 1024;

/// Returns sizes around those of one and two frames and of the buffers, and others.
fn sizes(frame_max: usize, rng: &mut SeededRng) -> Vec<usize> {
    let payload = frame_max - 8;
    let edges = [1, payload, 2 * payload, 64 * 1024, 1024 * 1024];
    let mut sizes: Vec<_> = edges.into_iter().flat_map(|edge| edge - 1..=edge + 1).collect();
    sizes.extend((0..5).map(|_| rng.below(LARGEST)));
    sizes.push(LARGEST);
    sizes
}

/// Returns a body of bytes that do not repeat, so that no piece can be missing or in another place.
fn body(size: usize, rng: &mut SeededRng) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        bytes.extend_from_slice(&rng.seed().to_be_bytes());
    }
    bytes.truncate(size);
    bytes
}

/// Publishes bodies to a queue and to nowhere, and compares what comes back.
async fn send_and_compare(connection: &Connection, frame_max: usize, rng: &mut SeededRng) {
    let channel = in_time("a channel", connection.open_channel()).await.unwrap();
    in_time("confirms", channel.confirm_select(100)).await.unwrap();
    let queue = format!("frames of {frame_max}");
    declare(&channel, &queue).await.unwrap();
    let mut received = Received::of(&channel, &queue).await;
    let bodies: Vec<_> = sizes(frame_max, rng).into_iter().map(|size| body(size, rng)).collect();
    let mut confirms = Vec::new();
    for body in &bodies {
        in_time("room for a message", channel.ready()).await.unwrap();
        confirms.push(publish(&channel, &queue, body).unwrap());
        let pieces: Vec<_> = body.chunks(body.len() / 3 + 1).collect();
        let properties = Properties::default();
        let message = to("nowhere", &properties, &pieces);
        confirms.push(channel.publish_confirmed(&message).unwrap());
    }
    for (confirms, body) in confirms.chunks_mut(2).zip(&bodies) {
        let [queued, returned] = confirms else { panic!("two for each body") };
        let queued = in_time("a confirm", queued).await;
        assert!(
            matches!(queued, Outcome::Confirmed),
            "{} bytes: {}",
            body.len(),
            short_form(&queued)
        );
        let Outcome::Returned(returned) = in_time("a confirm", returned).await else {
            panic!("{} bytes are not returned", body.len());
        };
        assert!(returned.message.body() == *body, "{} bytes come back as others", body.len());
        let delivery = received.delivery().await;
        assert!(delivery.message.body() == *body, "{} bytes arrive as others", body.len());
        assert_eq!((delivery.oversized, delivery.redelivered), (None, false));
        channel.ack(delivery.tag, false).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_of_any_size_arrive_and_come_back_as_they_were_over_tcp() {
    let broker = Broker::shared("bodies").await;
    let mut rng = SeededRng::new(seed());
    for frame_max in [SMALLEST_FRAME, 128 * 1024] {
        let options = Options { frame_max, ..broker.options() };
        let connection = broker.open(&options).await.unwrap();
        send_and_compare(&connection, frame_max as usize, &mut rng).await;
        in_time("the close", connection.close(200, "goodbye")).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_of_any_size_arrive_and_come_back_as_they_were_over_tls() {
    let (broker, _turn) = Broker::alone("bodies").await;
    let mut rng = SeededRng::new(seed());
    for frame_max in [SMALLEST_FRAME, 128 * 1024] {
        let options = Options { frame_max, ..broker.options() };
        let connection = broker.open_tls(&options).await.unwrap();
        send_and_compare(&connection, frame_max as usize, &mut rng).await;
        in_time("the close", connection.close(200, "goodbye")).await.unwrap();
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_discarded_and_its_message_can_be_settled() {
    let broker = Broker::shared("oversized").await;
    let options = Options { max_body: 1000, ..broker.options() };
    let connection = broker.open(&options).await.unwrap();
    let channel = in_time("a channel", connection.open_channel()).await.unwrap();
    declare(&channel, "q").await.unwrap();
    for size in [1000, 1001, LARGEST, 1] {
        drop(publish(&channel, "q", &vec![b'x'; size]).unwrap());
    }
    let mut received = Received::of(&channel, "q").await;
    for (oversized, kept) in [(None, 1000), (Some(1001), 0), (Some(LARGEST as u64), 0), (None, 1)] {
        let delivery = received.delivery().await;
        assert_eq!((delivery.oversized, delivery.message.body().len()), (oversized, kept));
        channel.reject(delivery.tag, false).unwrap();
    }
    declare(&channel, "q").await.unwrap();
    assert_eq!(broker.messages("q").await, 0);
}
