//! Publisher confirms.

use rpc_amqp::{Channel, Connection, Error, InvalidArgument, Outcome, Properties, Publish};

use crate::broker::{Broker, connect_channel, within};
use crate::frames;
use crate::receivers::{Outcomes, mandatory, short_form};

/// Opens a channel with confirms, on which so many messages have been published and read. They are known by their numbers, from 1.
async fn published(count: u128) -> (Connection, Channel, Outcomes, Broker) {
    let (connection, channel, mut broker) = connect_channel().await;
    broker.select(&channel, 1, usize::MAX).await;
    let outcomes = Outcomes::new();
    let properties = Properties::default();
    for number in 1..=count {
        let body = number.to_string();
        let pieces = [body.as_bytes()];
        let message = mandatory(&properties, &pieces);
        channel.publish_with_handler(&message, outcomes.handler.clone(), number).unwrap();
        assert_eq!(broker.published().await.bodies.concat(), body.as_bytes());
    }
    (connection, channel, outcomes, broker)
}

fn all(numbers: impl IntoIterator<Item = u128>, outcome: &str) -> Vec<(u128, String)> {
    numbers.into_iter().map(|number| (number, outcome.to_owned())).collect()
}

#[tokio::test(start_paused = true)]
async fn each_confirm_settles_its_message_in_any_order() {
    let (_connection, _channel, mut outcomes, mut broker) = published(4).await;
    let confirms = [frames::ack(1, 3, false), frames::ack(1, 1, false), frames::nack(1, 4, false)];
    broker.send(&confirms).await;
    let mut expected = all([3, 1], "confirmed");
    expected.extend(all([4], "nacked"));
    assert_eq!(outcomes.take(3).await, expected);
    broker.send(&[frames::ack(1, 2, false)]).await;
    assert_eq!(outcomes.take(1).await, all([2], "confirmed"));
}

#[tokio::test(start_paused = true)]
async fn one_confirm_can_settle_all_up_to_its_number() {
    let (_connection, _channel, mut outcomes, mut broker) = published(9).await;
    broker.send(&[frames::ack(1, 2, false), frames::ack(1, 4, true)]).await;
    assert_eq!(outcomes.take(4).await, all([2, 1, 3, 4], "confirmed"));
    broker.send(&[frames::nack(1, 6, true)]).await;
    assert_eq!(outcomes.take(2).await, all([5, 6], "nacked"));
    // Zero stands for all.
    broker.send(&[frames::ack(1, 0, true)]).await;
    assert_eq!(outcomes.take(3).await, all([7, 8, 9], "confirmed"));
}

#[tokio::test(start_paused = true)]
async fn confirms_of_numbers_that_wait_for_none_are_ignored() {
    let (connection, _channel, mut outcomes, mut broker) = published(2).await;
    for multiple in [false, true] {
        for number in [3, 99, u64::MAX] {
            broker
                .send(&[frames::ack(1, number, multiple), frames::nack(1, number, multiple)])
                .await;
        }
    }
    broker.send(&[frames::ack(1, 0, false), frames::ack(1, 1, false)]).await;
    broker.send(&[frames::ack(1, 1, false), frames::nack(1, 1, true)]).await;
    broker.sync(1).await;
    assert_eq!(outcomes.take(1).await, all([1], "confirmed"));
    outcomes.expect_nothing();
    assert!(connection.is_open());
}

#[tokio::test(start_paused = true)]
async fn the_numbers_are_those_of_the_order_on_the_wire() {
    let (connection, channel, mut broker) = connect_channel().await;
    let other = broker.open_channel(&connection, 2).await;
    broker.select(&channel, 1, usize::MAX).await;
    broker.select(&other, 2, usize::MAX).await;
    let (mut outcomes, properties) = (Outcomes::new(), Properties::default());
    // Large bodies are encoded outside of the lock, and take another way into the buffer.
    let large = vec![7; 100_000];
    for number in 0..60_u128 {
        let name = number.to_be_bytes();
        let pieces: [&[u8]; 2] = [&name, if number % 3 == 0 { &large } else { b"" }];
        let on = if number % 2 == 0 { &channel } else { &other };
        let message = mandatory(&properties, &pieces);
        on.publish_with_handler(&message, outcomes.handler.clone(), number).unwrap();
    }
    for number in 0..60_u128 {
        let message = broker.published().await;
        assert_eq!(message.channel, if number % 2 == 0 { 1 } else { 2 });
        let name = message.bodies.concat()[..16].to_vec();
        assert_eq!(name, number.to_be_bytes());
        broker.send(&[frames::ack(message.channel, number as u64 / 2 + 1, false)]).await;
        assert_eq!(outcomes.take(1).await, all([number], "confirmed"));
    }
}

#[tokio::test(start_paused = true)]
async fn messages_count_from_the_request_for_confirms_on() {
    let (_connection, channel, mut broker) = connect_channel().await;
    let (mut outcomes, properties) = (Outcomes::new(), Properties::default());
    let message = mandatory(&properties, &[b"x"]);
    channel.publish_with_handler(&message, outcomes.handler.clone(), 1).unwrap();
    let select = channel.confirm_select(10);
    let script = async {
        let _ = broker.published().await;
        broker.expect_select(1).await;
        // Published before the broker's answer, and counted.
        channel.publish_with_handler(&message, outcomes.handler.clone(), 2).unwrap();
        let _ = broker.published().await;
        broker.send(&[frames::select_ok(1), frames::ack(1, 1, false)]).await;
    };
    let (selected, ()) = within(async { tokio::join!(select, script) }).await;
    selected.unwrap();
    assert_eq!(outcomes.take(1).await, all([2], "confirmed"));
    broker.send(&[frames::ack(1, 2, false)]).await;
    broker.sync(1).await;
    outcomes.expect_nothing();
}

#[tokio::test(start_paused = true)]
async fn a_future_resolves_to_the_outcome_and_can_be_dropped() {
    let (_connection, channel, mut broker) = connect_channel().await;
    broker.select(&channel, 1, 2).await;
    let properties = Properties::default();
    let message = mandatory(&properties, &[b"x"]);
    drop(channel.publish_confirmed(&message).unwrap());
    let second = channel.publish_confirmed(&message).unwrap();
    channel.publish(&message).unwrap();
    for _ in 0..3 {
        let _ = broker.published().await;
    }
    broker.send(&[frames::ack(1, 1, false), frames::nack(1, 2, false)]).await;
    assert_eq!(short_form(&within(second).await), "nacked");
    broker.send(&[frames::ack(1, 3, false)]).await;
    broker.sync(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_channel_is_ready_while_fewer_messages_than_its_limit_are_unconfirmed() {
    let (_connection, channel, mut broker) = connect_channel().await;
    broker.select(&channel, 1, 3).await;
    let properties = Properties::default();
    let message = Publish { mandatory: false, ..mandatory(&properties, &[b"x"]) };
    for _ in 0..3 {
        within(channel.ready()).await.unwrap();
        channel.publish(&message).unwrap();
        let _ = broker.published().await;
    }
    assert!(!channel.is_ready());
    let limit = std::time::Duration::from_secs(60);
    assert!(tokio::time::timeout(limit, channel.ready()).await.is_err(), "it did not wait");
    let confirm = [frames::ack(1, 2, false)];
    let ready = async { tokio::join!(channel.ready(), broker.send(&confirm)).0 };
    within(ready).await.unwrap();
    assert!(channel.is_ready());
    channel.publish(&message).unwrap();
    assert!(!channel.is_ready());
}

#[tokio::test(start_paused = true)]
async fn without_confirms_nothing_is_reported_and_stray_confirms_are_ignored() {
    let (connection, channel, mut broker) = connect_channel().await;
    let (mut outcomes, properties) = (Outcomes::new(), Properties::default());
    let message = mandatory(&properties, &[b"x"]);
    channel.publish_with_handler(&message, outcomes.handler.clone(), 1).unwrap();
    let future = channel.publish_confirmed(&message).unwrap();
    assert!(matches!(within(future).await, Outcome::Lost(Error::Closed)));
    broker.send(&[frames::ack(1, 1, true), frames::nack(1, 0, true)]).await;
    broker.handled(&connection).await;
    outcomes.expect_nothing();
    assert!(channel.is_open() && channel.is_ready());
}

#[tokio::test(start_paused = true)]
async fn all_messages_without_confirm_are_lost_when_the_broker_closes_the_channel() {
    let (_connection, channel, mut outcomes, mut broker) = published(3).await;
    broker.send(&[frames::ack(1, 2, false), frames::channel_close(1, 404, "NOT_FOUND")]).await;
    let text = "lost: the broker closed the channel: 404 NOT_FOUND (method 50.10)";
    let mut expected = all([2], "confirmed");
    expected.extend(all([1, 3], text));
    assert_eq!(outcomes.take(3).await, expected);
    broker.expect_channel_close_ok(1).await;
    let properties = Properties::default();
    let error = channel.publish(&mandatory(&properties, &[b"x"])).unwrap_err();
    assert_eq!(error.broker().map(|it| it.code), Some(404));
}

#[tokio::test(start_paused = true)]
async fn a_message_over_which_the_broker_closes_the_channel_is_refused_if_it_is_the_only_one() {
    let text = "the broker closed the channel: 403 ACCESS_REFUSED (method 60.40)";
    let (_connection, _channel, mut outcomes, mut broker) = published(2).await;
    let close = frames::close_over_publish(1, 403, "ACCESS_REFUSED");
    broker.send(&[frames::ack(1, 1, false), close.clone()]).await;
    let mut expected = all([1], "confirmed");
    expected.extend(all([2], &format!("refused: {text}")));
    assert_eq!(outcomes.take(2).await, expected);

    // One of several may be in its queue already.
    let (_connection, _channel, mut outcomes, mut broker) = published(2).await;
    broker.send(&[close]).await;
    assert_eq!(outcomes.take(2).await, all([1, 2], &format!("lost: {text}")));

    // The channel was closed over something else.
    let (_connection, _channel, mut outcomes, mut broker) = published(1).await;
    broker.send(&[frames::channel_close(1, 404, "NOT_FOUND")]).await;
    let lost = "lost: the broker closed the channel: 404 NOT_FOUND (method 50.10)";
    assert_eq!(outcomes.take(1).await, all([1], lost));
}

#[tokio::test(start_paused = true)]
async fn all_messages_without_confirm_are_lost_when_this_program_closes_the_channel() {
    let (_connection, channel, mut outcomes, mut broker) = published(2).await;
    drop(channel);
    assert_eq!(outcomes.take(2).await, all([1, 2], "lost: closed by this program"));
    // What comes too late for them changes nothing.
    broker.expect_channel_close(1).await;
    broker.send(&[frames::ack(1, 2, true), frames::channel_close_ok(1)]).await;
}

#[tokio::test(start_paused = true)]
async fn all_messages_without_confirm_are_lost_when_the_connection_closes() {
    let (_connection, _channel, mut outcomes, mut broker) = published(2).await;
    broker.send(&[frames::connection_close(320, "CONNECTION_FORCED")]).await;
    let text = "lost: the broker closed the connection: 320 CONNECTION_FORCED";
    assert_eq!(outcomes.take(2).await, all([1, 2], text));

    let (connection, _channel, mut outcomes, mut broker) = published(2).await;
    // The broker may confirm them until it has confirmed the close.
    drop(connection);
    broker.send(&[frames::ack(1, 1, false)]).await;
    assert_eq!(outcomes.take(1).await, all([1], "confirmed"));
    let _ = broker.confirm_close().await;
    assert_eq!(outcomes.take(1).await, all([2], "lost: closed by this program"));

    let (_connection, _channel, mut outcomes, broker) = published(2).await;
    drop(broker);
    let text = "lost: the connection failed: the broker closed the stream";
    assert_eq!(outcomes.take(2).await, all([1, 2], text));

    let (connection, _channel, mut outcomes, _broker) = published(2).await;
    connection.abort();
    assert_eq!(outcomes.take(2).await, all([1, 2], "lost: closed by this program"));
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_zero_unconfirmed_messages_is_refused_and_nothing_is_sent() {
    let (_connection, channel, mut broker) = connect_channel().await;
    let error = channel.confirm_select(0).await.unwrap_err();
    assert!(matches!(error, Error::InvalidArgument(InvalidArgument::NoMessages)), "{error}");
    assert!(channel.is_open());
    // The next method is the first that the broker reads.
    broker.select(&channel, 1, 1).await;
    assert!(channel.is_ready());
}
