//! Deliveries behind the broker's close of a channel. RabbitMQ sends what its queues hand to the channel until it has read that
//! the close is confirmed.

use rpc_amqp::ConsumerEnd;

use crate::broker::{connect_channel, within};
use crate::frames;

#[tokio::test(start_paused = true)]
async fn deliveries_behind_the_close_of_their_channel_are_passed_over() {
    let (connection, channel, mut broker) = connect_channel().await;
    let other = broker.open_channel(&connection, 2).await;
    let mut deliveries = broker.consume(&channel, 1, "t").await;
    broker
        .send(&[
            frames::delivery(1, "t", 1, b"in time"),
            frames::channel_close(1, 404, "NOT_FOUND"),
            frames::delivery(1, "t", 2, b"late"),
            frames::delivery(1, "t", 3, b""),
        ])
        .await;
    broker.handled(&connection).await;
    assert_eq!(deliveries.body().await, b"in time");
    assert!(matches!(deliveries.end().await, ConsumerEnd::Closed(_)));
    broker.expect_channel_close_ok(1).await;
    broker.sync(2).await;
    assert!(connection.is_open() && other.is_open() && !channel.is_open());
}

#[tokio::test(start_paused = true)]
async fn late_deliveries_reach_nobody_when_their_id_is_used_again() {
    let (connection, old, mut broker) = connect_channel().await;
    let _deliveries = broker.consume(&old, 1, "t").await;
    let close = frames::channel_close(1, 404, "NOT_FOUND");
    let late = frames::content(1, b"late", 4096);
    broker.send(&[close, frames::delivery(1, "t", 1, b"late")]).await;
    broker.expect_channel_close_ok(1).await;
    broker.handled(&connection).await;
    let new = broker.open_channel(&connection, 1).await;
    broker.send(&[frames::deliver(1, "t", 2), late]).await;
    let mut deliveries = broker.consume(&new, 1, "u").await;
    broker.send(&[frames::delivery(1, "u", 1, b"new")]).await;
    assert_eq!(deliveries.body().await, b"new");
    assert!(connection.is_open() && new.is_open());
}

#[tokio::test(start_paused = true)]
async fn late_deliveries_do_not_spoil_the_close_of_the_connection() {
    let (connection, channel, mut broker) = connect_channel().await;
    let _deliveries = broker.consume(&channel, 1, "t").await;
    let script = async {
        let _ = broker.frame().await;
        let close = frames::channel_close(1, 404, "NOT_FOUND");
        let late = frames::delivery(1, "t", 1, b"late");
        broker.send(&[close, late, frames::connection_close_ok()]).await;
        broker.expect_channel_close_ok(1).await;
        broker.expect_end().await;
    };
    within(async { tokio::join!(connection.close(200, "goodbye"), script).0 }).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn deliveries_behind_closes_that_cross_are_passed_over() {
    let (connection, channel, mut broker) = connect_channel().await;
    let _deliveries = broker.consume(&channel, 1, "t").await;
    drop(channel);
    let _ = broker.expect_channel_close(1).await;
    // RabbitMQ confirms the close of this program at once, but its channel lives until its own close is confirmed.
    let (close, close_ok) =
        (frames::channel_close(1, 404, "NOT_FOUND"), frames::channel_close_ok(1));
    let late = |number| frames::delivery(1, "t", number, b"late");
    broker.send(&[close, late(1), close_ok, late(2)]).await;
    broker.handled(&connection).await;
    broker.expect_channel_close_ok(1).await;
    let again = broker.open_channel(&connection, 1).await;
    assert!(connection.is_open() && again.is_open());
}

#[tokio::test(start_paused = true)]
async fn late_deliveries_are_passed_over_however_many_channels_had_their_id_since() {
    let (connection, channel, mut broker) = connect_channel().await;
    let other = broker.open_channel(&connection, 2).await;
    let _deliveries = broker.consume(&channel, 1, "t").await;
    broker.send(&[frames::channel_close(1, 404, "NOT_FOUND")]).await;
    broker.expect_channel_close_ok(1).await;
    broker.handled(&connection).await;
    for _ in 0..3 {
        drop(broker.open_channel(&connection, 1).await);
        let _ = broker.expect_channel_close(1).await;
        broker.send(&[frames::channel_close_ok(1)]).await;
        broker.handled(&connection).await;
    }
    broker.send(&[frames::delivery(1, "t", 1, b"very late")]).await;
    broker.sync(2).await;
    assert!(connection.is_open() && other.is_open());
}
