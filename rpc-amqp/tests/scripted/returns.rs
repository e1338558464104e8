//! Mandatory messages that the broker returns.

use amq_protocol::protocol::{BasicProperties, basic};
use rpc_amqp::{Channel, Connection, Outcome, Properties, PropertiesBuilder, Publish};

use crate::broker::{Broker, Published, connect_channel};
use crate::frames;
use crate::receivers::{Outcomes, mandatory};

/// Returns the frames by which a broker returns a message that was published.
fn returned(message: &Published) -> Vec<u8> {
    let Published { channel, method, header, bodies } = message;
    let bytes = return_of(*channel, method.exchange.as_str(), method.routing_key.as_str());
    // Divided otherwise than it was published.
    let frames =
        bodies.concat().chunks(1000).map(|it| frames::body(*channel, it)).collect::<Vec<_>>();
    [bytes, frames::header(*channel, header.body_size, &header.properties), frames.concat()]
        .concat()
}

fn return_of(channel: u16, exchange: &str, routing_key: &str) -> Vec<u8> {
    let it = basic::Return {
        reply_code: 312,
        reply_text: "NO_ROUTE".into(),
        exchange: exchange.into(),
        routing_key: routing_key.into(),
    };
    frames::basic(channel, basic::AMQPMethod::Return(it))
}

async fn confirming() -> (Connection, Channel, Outcomes, Broker) {
    let (connection, channel, mut broker) = connect_channel().await;
    broker.select(&channel, 1, usize::MAX).await;
    (connection, channel, Outcomes::new(), broker)
}

/// Publishes messages of these bodies, numbered from 1, and returns them as the broker read them.
async fn publish(
    channel: &Channel,
    outcomes: &Outcomes,
    broker: &mut Broker,
    bodies: &[&str],
) -> Vec<Published> {
    let (properties, mut published) = (Properties::default(), Vec::new());
    for (number, body) in (1..).zip(bodies) {
        let pieces = [body.as_bytes()];
        let message = mandatory(&properties, &pieces);
        channel.publish_with_handler(&message, outcomes.handler.clone(), number).unwrap();
        published.push(broker.published().await);
    }
    published
}

fn says(number: u128, outcome: &str) -> (u128, String) {
    (number, outcome.to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_return_belongs_to_its_own_message_and_not_to_the_next_confirm() {
    let (_connection, channel, mut outcomes, mut broker) = confirming().await;
    let messages = publish(&channel, &outcomes, &mut broker, &["a", "b", "c", "d"]).await;
    // Before, between and after other confirms.
    broker.send(&[returned(&messages[2]), frames::ack(1, 1, false)]).await;
    assert_eq!(outcomes.take(1).await, [says(1, "confirmed")]);
    broker.send(&[returned(&messages[3]), frames::ack(1, 3, true)]).await;
    assert_eq!(outcomes.take(2).await, [says(2, "confirmed"), says(3, "returned 312 c")]);
    broker.sync(1).await;
    outcomes.expect_nothing();
    broker.send(&[frames::ack(1, 4, false)]).await;
    assert_eq!(outcomes.take(1).await, [says(4, "returned 312 d")]);
}

#[tokio::test(start_paused = true)]
async fn messages_that_are_equal_are_returned_in_the_order_of_their_publication() {
    let (_connection, channel, mut outcomes, mut broker) = confirming().await;
    let messages = publish(&channel, &outcomes, &mut broker, &["x", "x", "y", "x"]).await;
    broker.send(&[returned(&messages[0]), returned(&messages[1])]).await;
    broker.send(&[frames::ack(1, 4, true)]).await;
    let expected = [
        says(1, "returned 312 x"),
        says(2, "returned 312 x"),
        says(3, "confirmed"),
        says(4, "confirmed"),
    ];
    assert_eq!(outcomes.take(4).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_returned_and_nacked_is_nacked() {
    let (_connection, channel, mut outcomes, mut broker) = confirming().await;
    let messages = publish(&channel, &outcomes, &mut broker, &["a"]).await;
    broker.send(&[returned(&messages[0]), frames::nack(1, 1, false)]).await;
    assert_eq!(outcomes.take(1).await, [says(1, "nacked")]);
}

#[tokio::test(start_paused = true)]
async fn a_return_that_matches_no_message_changes_nothing() {
    let (connection, channel, mut outcomes, mut broker) = confirming().await;
    let messages = publish(&channel, &outcomes, &mut broker, &["a", "b"]).await;
    let empty = BasicProperties::default();
    let (header, body) = (frames::header(1, 1, &empty), frames::body(1, b"b"));
    let correlated = frames::header(1, 1, &empty.clone().with_correlation_id("1".into()));
    let strange = [
        // Comes too late: its message has been confirmed.
        frames::ack(1, 1, false),
        returned(&messages[0]),
        [return_of(1, "e", "q"), header.clone(), body.clone()].concat(),
        [return_of(1, "", "Q"), header.clone(), body.clone()].concat(),
        [return_of(1, "", "q"), header, frames::body(1, b"B")].concat(),
        [return_of(1, "", "q"), correlated, body].concat(),
        [return_of(1, "", "q"), frames::header(1, 0, &empty)].concat(),
    ];
    broker.send(&strange).await;
    broker.send(&[frames::ack(1, 2, false)]).await;
    assert_eq!(outcomes.take(2).await, [says(1, "confirmed"), says(2, "confirmed")]);
    assert!(connection.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_return_on_a_channel_without_confirms_changes_nothing() {
    let (connection, channel, mut broker) = connect_channel().await;
    let properties = Properties::default();
    channel.publish(&mandatory(&properties, &[b"x"])).unwrap();
    let message = broker.published().await;
    broker.send(&[returned(&message)]).await;
    broker.sync(1).await;
    assert!(connection.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_message_of_any_size_is_recognised_and_comes_back_whole() {
    for size in [0, 1, 999, 4087, 4088, 4089, 8176, 100_000] {
        let (_connection, channel, mut outcomes, mut broker) = confirming().await;
        let body: Vec<u8> = (0..size).map(|at| (at / 7) as u8).collect();
        let (first, second) = body.split_at(size / 3);

        let properties =
            PropertiesBuilder::new().correlation_id("c").message_id("m").build().unwrap();
        let pieces = [first, second];
        let message = Publish { exchange: "ex", ..mandatory(&properties, &pieces) };
        let future = channel.publish_confirmed(&message).unwrap();
        channel.publish_with_handler(&message, outcomes.handler.clone(), 2).unwrap();
        let published = broker.published().await;
        let _ = broker.published().await;
        broker.send(&[returned(&published), frames::ack(1, 2, true)]).await;
        let Outcome::Returned(returned) = crate::broker::within(future).await else {
            panic!("not returned: {size} bytes")
        };
        assert_eq!(returned.code, 312);
        assert_eq!(
            (returned.message.body(), returned.message.properties()),
            (body.into(), properties)
        );
        assert_eq!(returned.message.exchange().as_str(), Some("ex"));
        assert_eq!(outcomes.take(1).await, [says(2, "confirmed")]);
    }
}

#[tokio::test(start_paused = true)]
async fn thousands_of_mixed_confirms_and_returns_all_say_what_the_broker_decided() {
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let (_connection, channel, mut outcomes, mut broker) = confirming().await;
    let (mut decided, mut unconfirmed, mut next) = (Vec::new(), Vec::new(), 1_u64);
    for _ in 0..300 {
        for _ in 0..rng.usize(1..10) {
            let (number, properties) = (decided.len() as u128, Properties::default());
            // Some bodies are equal, but no body is both routed and not.
            let routed = rng.bool();
            let body = format!("{} {routed}", rng.u8(..8));
            let pieces = [body.as_bytes()];
            let message = mandatory(&properties, &pieces);
            channel.publish_with_handler(&message, outcomes.handler.clone(), number).unwrap();
            let published = broker.published().await;
            if !routed {
                broker.send(&[returned(&published)]).await;
            }
            decided.push(if routed { "confirmed".into() } else { format!("returned 312 {body}") });
            unconfirmed.push(next);
            next += 1;
        }
        if rng.u8(..4) == 0 {
            broker.send(&[frames::ack(1, next - 1, true)]).await;
            unconfirmed.clear();
        } else {
            rng.shuffle(&mut unconfirmed);
            for number in unconfirmed.drain(..rng.usize(..=unconfirmed.len())) {
                broker.send(&[frames::ack(1, number, false)]).await;
            }
        }
    }
    broker.send(&[frames::ack(1, 0, true)]).await;
    let mut reported = outcomes.take(decided.len()).await;
    reported.sort();
    for ((number, outcome), (expected, decided)) in reported.into_iter().zip((0..).zip(decided)) {
        assert_eq!((number, outcome), (expected, decided), "seed {seed}");
    }
    broker.sync(1).await;
    outcomes.expect_nothing();
}
