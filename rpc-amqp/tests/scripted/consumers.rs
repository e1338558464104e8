//! Consumers: how they begin and end.

use std::sync::Arc;

use parking_lot::Mutex;
use rpc_amqp::{Connection, Consumer, ConsumerEnd, Delivery, Error};

use crate::broker::{connect_channel, within};
use crate::frames;
use crate::receivers::Event;

#[tokio::test(start_paused = true)]
async fn a_consumer_that_the_broker_cancels_is_told_once_after_its_last_delivery() {
    let (connection, channel, mut broker) = connect_channel().await;
    let mut deliveries = broker.consume(&channel, 1, "t").await;
    let mut other = broker.consume(&channel, 1, "u").await;
    broker
        .send(&[
            frames::delivery(1, "t", 1, b"one"),
            frames::delivery(1, "t", 2, b"two"),
            frames::cancel(1, "t"),
            // Neither a second cancel nor one of a stranger is anything to tell.
            frames::cancel(1, "t"),
            frames::cancel(1, "stranger"),
            frames::delivery(1, "u", 3, b"three"),
        ])
        .await;
    assert_eq!(deliveries.body().await, b"one");
    assert_eq!(deliveries.body().await, b"two");
    assert!(matches!(deliveries.end().await, ConsumerEnd::Cancelled));
    assert_eq!(other.body().await, b"three");
    // The broker expects no answer, and the tag is free.
    broker.sync(1).await;
    let mut again = broker.consume(&channel, 1, "t").await;
    broker.send(&[frames::delivery(1, "t", 4, b"again")]).await;
    assert_eq!(again.body().await, b"again");
    assert!(connection.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_this_program_cancels_receives_until_the_broker_confirms() {
    let (_connection, channel, mut broker) = connect_channel().await;
    let mut deliveries = broker.consume(&channel, 1, "t").await;
    let late = [frames::delivery(1, "t", 1, b"late"), frames::cancel_ok(1, "t")].concat();
    broker.answer(channel.cancel("t"), late).await.unwrap();
    assert_eq!(deliveries.body().await, b"late");
    deliveries.silent_end().await;
    // What it received can still be settled.
    channel.ack(1, false).unwrap();
    assert!(channel.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_cancel_cancels_all_the_same() {
    let (_connection, channel, mut broker) = connect_channel().await;
    let deliveries = broker.consume(&channel, 1, "t").await;
    {
        let mut cancel = Box::pin(channel.cancel("t"));
        let poll = std::future::poll_fn(|cx| std::task::Poll::Ready(cancel.as_mut().poll(cx)));
        assert!(poll.await.is_pending());
    }
    let _ = broker.frame().await;
    broker.send(&[frames::cancel_ok(1, "t")]).await;
    deliveries.silent_end().await;
}

#[tokio::test(start_paused = true)]
async fn cancels_that_cross_end_the_consumer_once() {
    let (connection, channel, mut broker) = connect_channel().await;
    let deliveries = broker.consume(&channel, 1, "t").await;
    let both = [frames::cancel(1, "t"), frames::cancel_ok(1, "t")].concat();
    broker.answer(channel.cancel("t"), both).await.unwrap();
    assert!(matches!(deliveries.end().await, ConsumerEnd::Cancelled));
    broker.sync(1).await;
    assert!(connection.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_consumer_is_told_once_however_many_ends_come_together() {
    let (connection, channel, mut broker) = connect_channel().await;
    let cancelled = broker.consume(&channel, 1, "t").await;
    let mut closed = broker.consume(&channel, 1, "u").await;
    broker
        .send(&[
            frames::cancel(1, "t"),
            frames::delivery(1, "u", 1, b"last"),
            frames::channel_close(1, 404, "NOT_FOUND"),
            frames::connection_close(320, "CONNECTION_FORCED"),
        ])
        .await;
    assert!(matches!(cancelled.end().await, ConsumerEnd::Cancelled));
    assert_eq!(closed.body().await, b"last");
    assert!(matches!(closed.end().await, ConsumerEnd::Closed(error) if error.is_channel_error()));
    assert_eq!(within(connection.closed()).await.broker().map(|it| it.code), Some(320));
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_a_cancel_that_nobody_sent_ends_the_connection_and_the_consumer_is_told() {
    let (connection, channel, mut broker) = connect_channel().await;
    let deliveries = broker.consume(&channel, 1, "t").await;
    broker.send(&[frames::cancel_ok(1, "t")]).await;
    assert!(matches!(within(connection.closed()).await, Error::Protocol(_)));
    assert!(matches!(deliveries.end().await, ConsumerEnd::Closed(Error::Protocol(_))));
}

/// Aborts its connection with its first delivery.
struct Aborting(Mutex<Option<Arc<Connection>>>);

impl Consumer for Aborting {
    fn on_delivery(&self, _: Delivery) {
        if let Some(connection) = self.0.lock().take() {
            connection.abort();
        }
    }

    fn on_end(&self, _: ConsumerEnd) {}
}

#[tokio::test(start_paused = true)]
async fn no_delivery_comes_behind_the_end_even_if_a_consumer_aborts_the_connection() {
    let (connection, one, mut broker) = connect_channel().await;
    let connection = Arc::new(connection);
    let two = broker.open_channel(&connection, 2).await;
    let mut deliveries = broker.consume(&two, 2, "t").await;
    let aborting = Arc::new(Aborting(Mutex::new(Some(Arc::clone(&connection)))));
    let options = Default::default();
    let answer = frames::consume_ok(1, "t");
    broker.answer(one.consume("q", "t", &options, aborting), answer).await.unwrap();
    // The message for the second channel is half-way when the first consumer aborts.
    let header = frames::header(2, 1, &Default::default());
    broker
        .send(&[
            frames::deliver(2, "t", 1),
            header,
            frames::delivery(1, "t", 1, b"abort!"),
            frames::body(2, b"x"),
            frames::delivery(2, "t", 2, b"y"),
        ])
        .await;
    let mut ended = false;
    while let Some(event) = deliveries.next().await {
        match event {
            Event::Delivery(it) => assert!(!ended, "{it:?} behind the end"),
            Event::End(_) => {
                assert!(!ended, "told twice");
                ended = true;
            }
        }
    }
    assert!(ended);
    broker.expect_end().await;
}

#[tokio::test(start_paused = true)]
async fn a_consumer_may_use_its_channel_from_within_a_delivery() {
    struct Acking(Mutex<Option<rpc_amqp::Channel>>);
    impl Consumer for Acking {
        fn on_delivery(&self, delivery: Delivery) {
            self.0.lock().as_ref().unwrap().ack(delivery.tag, false).unwrap();
        }
        fn on_end(&self, _: ConsumerEnd) {
            // Closes the channel, which is closed.
            drop(self.0.lock().take());
        }
    }
    let (_connection, channel, mut broker) = connect_channel().await;
    let consumer = Arc::new(Acking(Mutex::new(None)));
    let options = Default::default();
    let consume = channel.consume("q", "t", &options, Arc::clone(&consumer) as Arc<dyn Consumer>);
    broker.answer(consume, frames::consume_ok(1, "t")).await.unwrap();
    *consumer.0.lock() = Some(channel);
    broker.send(&[frames::delivery(1, "t", 7, b"x")]).await;
    let ack = amq_protocol::protocol::basic::Ack { delivery_tag: 7, multiple: false };
    broker.expect_basic(1, amq_protocol::protocol::basic::AMQPMethod::Ack(ack)).await;
    broker.send(&[frames::channel_close(1, 404, "NOT_FOUND")]).await;
    broker.expect_channel_close_ok(1).await;
    assert!(consumer.0.lock().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_delivery_with_the_tag_of_an_earlier_consumer_reaches_nobody() {
    let (connection, channel, mut broker) = connect_channel().await;
    let deliveries = broker.consume(&channel, 1, "t.1").await;
    broker.send(&[frames::channel_close(1, 404, "NOT_FOUND")]).await;
    broker.expect_channel_close_ok(1).await;
    assert!(matches!(deliveries.end().await, ConsumerEnd::Closed(Error::Broker(_))));
    // The id is used again.
    let next = broker.open_channel(&connection, 1).await;
    let mut again = broker.consume(&next, 1, "t.2").await;
    let late = frames::delivery(1, "t.1", 1, b"late");
    broker.send(&[late, frames::delivery(1, "t.2", 1, b"new")]).await;
    assert_eq!(again.body().await, b"new");
    assert!(connection.is_open());
}
