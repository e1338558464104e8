//! Channels that this program closes, and closes that cross.

use std::time::Duration;

use amq_protocol::protocol::{BasicProperties, basic};
use rpc_amqp::{Channel, Connection, Error, FieldTable, QueueDeclare};

use crate::broker::{Broker, connect_channel, within};
use crate::frames;

/// Begins to close channel 1 in a task of its own, and waits until the broker has read that.
async fn closing(channel: Channel, broker: &mut Broker) -> tokio::task::JoinHandle<()> {
    let closed = tokio::spawn(async move { channel.close(406, "enough").await });
    let close = broker.expect_channel_close(1).await;
    assert_eq!((close.reply_code, close.reply_text.as_str()), (406, "enough"));
    closed
}

/// Asserts that the id 1 is not free, and that it is once the broker has confirmed the close.
async fn is_free_after_close_ok(connection: &Connection, broker: &mut Broker) {
    let other = broker.open_channel(connection, 2).await;
    broker.send(&[frames::channel_close_ok(1)]).await;
    broker.handled(connection).await;
    let again = broker.open_channel(connection, 1).await;
    broker.sync(1).await;
    assert!(other.is_open() && again.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_close_waits_for_the_broker_and_only_then_is_the_id_free() {
    let (connection, channel, mut broker) = connect_channel().await;
    let closed = closing(channel, &mut broker).await;
    broker.handled(&connection).await;
    assert!(!closed.is_finished());
    is_free_after_close_ok(&connection, &mut broker).await;
    within(closed).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn dropping_the_handle_or_its_close_closes_the_channel_all_the_same() {
    let (connection, channel, mut broker) = connect_channel().await;
    drop(channel);
    assert_eq!(broker.expect_channel_close(1).await.reply_code, 200);
    is_free_after_close_ok(&connection, &mut broker).await;

    let (connection, channel, mut broker) = connect_channel().await;
    closing(channel, &mut broker).await.abort();
    is_free_after_close_ok(&connection, &mut broker).await;
}

#[tokio::test(start_paused = true)]
async fn what_waits_on_a_channel_that_is_closed_is_told_so() {
    let (_connection, channel, mut broker) = connect_channel().await;
    let deliveries = broker.consume(&channel, 1, "t").await;
    let arguments = FieldTable::new();
    let (passive, durable, exclusive, auto_delete) = (true, false, false, false);
    let declare =
        QueueDeclare { name: "q", passive, durable, exclusive, auto_delete, arguments: &arguments };
    let mut request = Box::pin(channel.queue_declare(&declare));
    let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(request.as_mut().poll(cx))).await;
    assert!(polled.is_pending());
    drop(request);
    let _ = broker.frame().await;
    let closed = closing(channel, &mut broker).await;
    // This program's own doing is not reported to its consumers.
    deliveries.silent_end().await;
    broker.send(&[frames::channel_close_ok(1)]).await;
    within(closed).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn closes_that_cross_are_both_confirmed_before_the_id_is_free() {
    let (connection, channel, mut broker) = connect_channel().await;
    // The broker closes the channel before it has read that this program does so too.
    let closed = closing(channel, &mut broker).await;
    broker.send(&[frames::channel_close(1, 404, "NOT_FOUND")]).await;
    broker.expect_channel_close_ok(1).await;
    // Both sides know. The confirm is still to come.
    within(closed).await.unwrap();
    is_free_after_close_ok(&connection, &mut broker).await;
}

#[tokio::test(start_paused = true)]
async fn the_id_is_used_again_if_the_confirm_of_closes_that_cross_is_lost() {
    let (connection, channel, mut broker) = connect_channel().await;
    let closed = closing(channel, &mut broker).await;
    broker.send(&[frames::channel_close(1, 404, "NOT_FOUND")]).await;
    broker.expect_channel_close_ok(1).await;
    within(closed).await.unwrap();
    tokio::time::sleep(Duration::from_millis(4_900)).await;
    let other = broker.open_channel(&connection, 2).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let again = broker.open_channel(&connection, 1).await;
    broker.sync(1).await;
    assert!(other.is_open() && again.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_close_of_the_broker_that_comes_first_is_all_there_is() {
    let (connection, channel, mut broker) = connect_channel().await;
    broker.send(&[frames::channel_close(1, 404, "NOT_FOUND")]).await;
    broker.handled(&connection).await;
    broker.expect_channel_close_ok(1).await;
    // Returns at once, and sends nothing.
    within(channel.close(200, "too late")).await;
    let again = broker.open_channel(&connection, 1).await;
    broker.sync(1).await;
    assert!(again.is_open());
}

#[tokio::test(start_paused = true)]
async fn whatever_comes_on_a_closing_channel_is_passed_over() {
    let (connection, channel, mut broker) = connect_channel().await;
    let mut deliveries = broker.consume(&channel, 1, "t").await;
    broker.select(&channel, 1, 10).await;
    let half = frames::header(1, 8, &BasicProperties::default());
    broker.send(&[frames::deliver(1, "t", 1), half, frames::body(1, b"half")]).await;
    broker.handled(&connection).await;
    let closed = closing(channel, &mut broker).await;
    let returned = basic::Return {
        reply_code: 312,
        reply_text: "NO_ROUTE".into(),
        exchange: "".into(),
        routing_key: "q".into(),
    };
    broker
        .send(&[
            frames::body(1, b"half"),
            frames::delivery(1, "t", 2, b"late"),
            frames::ack(1, 1, true),
            frames::nack(1, 1, true),
            frames::flow(1, false),
            frames::declare_ok(1, "q"),
            frames::consume_ok(1, "u"),
            frames::cancel(1, "t"),
            frames::basic(1, basic::AMQPMethod::Return(returned)),
            frames::content(1, b"returned", 100),
            frames::delivery(1, "t", 3, b""),
            frames::deliver(1, "t", 4),
        ])
        .await;
    broker.handled(&connection).await;
    // It was under way before the close, and may still be delivered; what came later is not.
    assert_eq!(deliveries.body().await, b"halfhalf");
    deliveries.silent_end().await;
    assert!(connection.is_open() && !closed.is_finished());
    is_free_after_close_ok(&connection, &mut broker).await;
    within(closed).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn content_behind_the_confirm_of_a_close_breaks_the_protocol() {
    for stray in [frames::body(1, b"x"), frames::delivery(1, "t", 1, b"x"), frames::ack(1, 1, true)]
    {
        let (connection, channel, mut broker) = connect_channel().await;
        let closed = closing(channel, &mut broker).await;
        broker.send(&[frames::channel_close_ok(1), stray]).await;
        within(closed).await.unwrap();
        let error = within(connection.closed()).await;
        assert!(matches!(error, Error::Protocol(_)), "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_close_that_is_not_confirmed_ends_with_the_connection() {
    let (connection, channel, mut broker) = connect_channel().await;
    let closed = closing(channel, &mut broker).await;
    broker.send(&[frames::connection_close(320, "CONNECTION_FORCED")]).await;
    within(closed).await.unwrap();
    assert_eq!(within(connection.closed()).await.broker().map(|it| it.code), Some(320));
}
