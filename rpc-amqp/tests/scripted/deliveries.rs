//! Deliveries: whole messages from frames of any size and order.

use amq_protocol::protocol::{BasicProperties, basic};

use crate::broker::connect_channel;
use crate::frames;

#[tokio::test(start_paused = true)]
async fn a_delivery_says_where_it_comes_from_and_how_it_is_settled() {
    let (_connection, channel, mut broker) = connect_channel().await;
    let mut deliveries = broker.consume(&channel, 1, "t").await;
    let deliver = basic::Deliver {
        consumer_tag: "t".into(),
        delivery_tag: u64::MAX,
        redelivered: true,
        exchange: "exchänge".into(),
        routing_key: "këy".into(),
    };
    let properties = BasicProperties::default()
        .with_correlation_id("7".into())
        .with_delivery_mode(2)
        .with_timestamp(99);
    broker
        .send(&[
            frames::basic(1, basic::AMQPMethod::Deliver(deliver)),
            frames::header(1, 5, &properties),
            frames::body(1, b"hello"),
        ])
        .await;
    let delivery = deliveries.delivery().await;
    assert_eq!((delivery.tag, delivery.redelivered, delivery.oversized), (u64::MAX, true, None));
    let message = delivery.message;
    assert_eq!(message.exchange().as_str(), Some("exchänge"));
    assert_eq!(message.routing_key().as_str(), Some("këy"));
    assert_eq!(message.body(), b"hello"[..]);
    let properties = message.properties();
    assert_eq!(properties.correlation_id().unwrap().as_str(), Some("7"));
    assert_eq!((properties.delivery_mode(), properties.timestamp()), (Some(2), Some(99)));
    assert_eq!(properties.reply_to(), None);
}

#[tokio::test(start_paused = true)]
async fn bodies_of_any_size_arrive_whole_however_they_are_divided() {
    let (_connection, channel, mut broker) = connect_channel().await;
    let mut deliveries = broker.consume(&channel, 1, "t").await;
    for size in [0, 1, 4087, 4088, 4089, 8176, 8177, 100_000] {
        let body: Vec<u8> = (0..size).map(|at| at as u8).collect();
        for max in [1.max(size / 50), 4087, 4088] {
            let send = async {
                broker.send(&[frames::deliver(1, "t", 1), frames::content(1, &body, max)]).await;
            };
            let (received, ()) = tokio::join!(deliveries.body(), send);
            assert_eq!(received, body, "{size} bytes in frames of {max}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn frames_without_a_byte_within_a_body_change_nothing() {
    let (_connection, channel, mut broker) = connect_channel().await;
    let mut deliveries = broker.consume(&channel, 1, "t").await;
    let header = frames::header(1, 2, &BasicProperties::default());
    let (empty, a, b) = (frames::body(1, b""), frames::body(1, b"a"), frames::body(1, b"b"));
    let deliver = frames::deliver(1, "t", 1);
    broker.send(&[deliver, header, empty.clone(), a, empty.clone(), empty, b]).await;
    assert_eq!(deliveries.body().await, b"ab");
    broker.sync(1).await;
}

#[tokio::test(start_paused = true)]
async fn messages_of_several_channels_may_be_interleaved_frame_by_frame() {
    let (connection, one, mut broker) = connect_channel().await;
    let two = broker.open_channel(&connection, 2).await;
    let three = broker.open_channel(&connection, 3).await;
    let mut first = broker.consume(&one, 1, "t").await;
    let mut second = broker.consume(&two, 2, "t").await;
    let mut third = broker.consume(&three, 3, "t").await;
    let empty = BasicProperties::default();
    broker
        .send(&[
            frames::deliver(1, "t", 1),
            frames::deliver(2, "t", 1),
            frames::header(2, 6, &empty),
            frames::header(1, 4, &empty),
            frames::body(1, b"on"),
            frames::deliver(3, "t", 1),
            frames::body(2, b"sec"),
            // Methods of the connection and heartbeats may come anywhere.
            frames::heartbeat(),
            frames::blocked("memory"),
            frames::body(1, b"e!"),
            frames::header(3, 0, &empty),
            frames::deliver(1, "t", 2),
            frames::body(2, b"ond"),
            frames::header(1, 3, &empty),
            frames::body(1, b"two"),
        ])
        .await;
    assert_eq!(first.body().await, b"one!");
    assert_eq!(first.body().await, b"two");
    assert_eq!(second.body().await, b"second");
    assert_eq!(third.body().await, b"");
    assert!(connection.is_blocked());
}

#[tokio::test(start_paused = true)]
async fn consumers_of_one_channel_receive_what_bears_their_tag_in_order() {
    let (_connection, channel, mut broker) = connect_channel().await;
    let mut one = broker.consume(&channel, 1, "one").await;
    let mut two = broker.consume(&channel, 1, "two").await;
    let mut parts = Vec::new();
    for number in 0..200_u64 {
        let tag = if number % 3 == 0 { "two" } else { "one" };
        parts.push(frames::delivery(1, tag, number, &number.to_be_bytes()));
        // Nobody has this tag: the message is left to the broker.
        parts.push(frames::delivery(1, "onE", number, b"nobody's"));
    }
    broker.send(&parts).await;
    for number in 0..200_u64 {
        let of = if number % 3 == 0 { &mut two } else { &mut one };
        let delivery = of.delivery().await;
        assert_eq!((delivery.tag, &*delivery.message.body()), (number, &number.to_be_bytes()[..]));
    }
    broker.sync(1).await;
    one.expect_nothing();
    two.expect_nothing();
}

#[tokio::test(start_paused = true)]
async fn a_delivery_may_come_with_the_answer_to_the_consume() {
    let (_connection, channel, mut broker) = connect_channel().await;
    let (mut deliveries, consumer) = crate::receivers::Recorder::new();
    let answer = [frames::consume_ok(1, "t"), frames::delivery(1, "t", 1, b"early")].concat();
    let options = Default::default();
    broker.answer(channel.consume("q", "t", &options, consumer), answer).await.unwrap();
    assert_eq!(deliveries.body().await, b"early");
}
