//! The same bytes, split and merged in every way.

use rpc_amqp::{Connection, Properties};
use tokio::task::yield_now;

use crate::broker::{connect_channel, options, stream, within};
use crate::frames;
use crate::receivers::{Outcomes, Recorder, mandatory};

/// Returns what a broker sends to a channel with one consumer and one unconfirmed message, all kinds of frames among it.
fn conversation() -> Vec<u8> {
    [
        frames::delivery(1, "t", 1, b"first"),
        frames::heartbeat(),
        frames::deliver(1, "t", 2),
        frames::content(1, &[b'x'; 100], 30),
        frames::ack(1, 1, false),
        frames::delivery(1, "t", 3, b""),
        frames::cancel(1, "t"),
        frames::channel_close(1, 404, "NOT_FOUND"),
    ]
    .concat()
}

/// Asserts that all of the conversation has been understood.
async fn is_understood(mut deliveries: Recorder, outcomes: &mut Outcomes) {
    assert_eq!(deliveries.body().await, b"first");
    assert_eq!(deliveries.body().await, [b'x'; 100]);
    assert_eq!(deliveries.body().await, b"");
    assert!(matches!(deliveries.end().await, rpc_amqp::ConsumerEnd::Cancelled));
    assert_eq!(outcomes.take(1).await, [(5, "confirmed".to_owned())]);
}

/// Sends the conversation in pieces that end at these places.
async fn send_split(ends: &[usize]) {
    let (connection, channel, mut broker) = connect_channel().await;
    let deliveries = broker.consume(&channel, 1, "t").await;
    broker.select(&channel, 1, 10).await;
    let mut outcomes = Outcomes::new();
    let properties = Properties::default();
    let message = mandatory(&properties, &[b"x"]);
    channel.publish_with_handler(&message, outcomes.handler.clone(), 5).unwrap();
    let _ = broker.published().await;
    let (conversation, mut start) = (conversation(), 0);
    for end in ends.iter().copied().chain([conversation.len()]) {
        broker.send(&[conversation[start..end].to_vec()]).await;
        // Lets the client read this piece alone.
        yield_now().await;
        yield_now().await;
        start = end;
    }
    is_understood(deliveries, &mut outcomes).await;
    assert_eq!(within(channel.closed()).await.broker().unwrap().code, 404);
    broker.expect_channel_close_ok(1).await;
    assert!(connection.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_conversation_that_comes_in_one_piece_is_understood() {
    send_split(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_conversation_that_is_split_at_any_byte_is_understood() {
    for at in 0..conversation().len() {
        send_split(&[at]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_conversation_that_is_split_at_two_places_is_understood() {
    for at in (0..conversation().len() - 7).step_by(3) {
        send_split(&[at, at + 7]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_conversation_that_comes_byte_by_byte_is_understood() {
    let every_byte: Vec<_> = (1..conversation().len()).collect();
    send_split(&every_byte).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_takes_one_byte_at_a_time_carries_a_connection() {
    for capacity in [1, 2, 3, 7] {
        let (client, mut broker) = stream(capacity);
        let options = options();
        let script = broker.shake_hands((0, 4096, 0));
        let opening = Connection::open(client, &options);
        let (connection, _) = within(async { tokio::join!(opening, script) }).await;
        let connection = connection.unwrap();
        let channel = broker.open_channel(&connection, 1).await;
        let mut deliveries = broker.consume(&channel, 1, "t").await;
        let (properties, body) = (Properties::default(), [b'y'; 300]);
        for _ in 0..3 {
            channel.publish(&mandatory(&properties, &[&body])).unwrap();
            assert_eq!(broker.published().await.bodies.concat(), body);
            broker.send(&[frames::delivery(1, "t", 1, &body)]).await;
            assert_eq!(deliveries.body().await, body);
        }
        let (closed, _) = tokio::join!(connection.close(200, "bye"), broker.confirm_close());
        closed.unwrap();
    }
}
