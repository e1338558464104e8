//! The ids of channels.

use rpc_amqp::{Error, Options};

use crate::broker::{connect, connect_with, options, within};
use crate::frames;

#[tokio::test(start_paused = true)]
async fn the_lowest_free_id_is_used() {
    let (connection, mut broker) = connect().await;
    let mut channels = Vec::new();
    for id in 1..=5 {
        channels.push(broker.open_channel(&connection, id).await);
    }
    for id in [4, 2] {
        drop(channels.remove(id - 1));
        broker.expect_channel_close(id as u16).await;
        broker.send(&[frames::channel_close_ok(id as u16)]).await;
    }
    broker.handled(&connection).await;
    for id in [2, 4, 6] {
        channels.push(broker.open_channel(&connection, id).await);
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_free_id_no_channel_is_opened_until_one_is_closed() {
    for (ours, theirs) in [(2, 0), (0, 2), (2, 9), (9, 2)] {
        let options = Options { channel_max: ours, ..options() };
        let (connection, _, mut broker) = connect_with(&options, (theirs, 4096, 0)).await;
        let one = broker.open_channel(&connection, 1).await;
        let two = broker.open_channel(&connection, 2).await;
        let error = within(connection.open_channel()).await.unwrap_err();
        assert!(matches!(error, Error::TooManyChannels(2)), "{error:?}");
        assert!(error.to_string().contains("2 channels"), "{error}");
        drop(one);
        broker.expect_channel_close(1).await;
        // Not free before the broker says so.
        let error = within(connection.open_channel()).await.unwrap_err();
        assert!(matches!(error, Error::TooManyChannels(2)), "{error:?}");
        broker.send(&[frames::channel_close_ok(1)]).await;
        broker.handled(&connection).await;
        let again = broker.open_channel(&connection, 1).await;
        broker.send(&[frames::channel_close(2, 404, "NOT_FOUND")]).await;
        broker.expect_channel_close_ok(2).await;
        let last = broker.open_channel(&connection, 2).await;
        assert!(again.is_open() && last.is_open() && !two.is_open());
    }
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_the_broker_closes_leaves_its_id_thousands_of_times() {
    let (connection, mut broker) = connect().await;
    for _ in 0..3000 {
        let channel = broker.open_channel(&connection, 1).await;
        broker.send(&[frames::channel_close(1, 404, "NOT_FOUND")]).await;
        broker.expect_channel_close_ok(1).await;
        assert!(within(channel.closed()).await.is_channel_error());
    }
}

#[tokio::test(start_paused = true)]
async fn a_method_on_a_channel_that_was_never_opened_breaks_the_protocol() {
    for method in
        [frames::flow(9, true), frames::channel_close(9, 404, "x"), frames::ack(9, 1, true)]
    {
        let (connection, mut broker) = connect().await;
        broker.send(&[method]).await;
        let error = within(connection.closed()).await;
        assert!(matches!(error, Error::Protocol(_)), "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_old_handle_says_nothing_to_the_next_channel_of_its_id() {
    let (connection, mut broker) = connect().await;
    let old = broker.open_channel(&connection, 1).await;
    broker.send(&[frames::channel_close(1, 404, "NOT_FOUND")]).await;
    broker.expect_channel_close_ok(1).await;
    let new = broker.open_channel(&connection, 1).await;
    assert_eq!(old.ack(7, false).unwrap_err().broker().map(|it| it.code), Some(404));
    assert!(old.qos(1).await.is_err());
    drop(old);
    broker.sync(1).await;
    assert!(new.is_open());
}
