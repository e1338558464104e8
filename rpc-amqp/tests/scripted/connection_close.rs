//! Connections that either side closes in an orderly way.

use std::time::Duration;

use amq_protocol::protocol::{BasicProperties, connection};
use rpc_amqp::{Connection, ConsumerEnd, Error, Options, Properties};
use tokio::time::Instant;

use crate::broker::{connect, connect_channel, connect_with, options, within};
use crate::frames;
use crate::receivers::{Outcomes, mandatory};

fn is_320(error: &Error) {
    let said = error.broker().unwrap_or_else(|| panic!("{error:?}"));
    assert_eq!((said.code, said.text.as_str(), said.closes_connection), (320, "shutdown", true));
    assert!(!error.is_channel_error());
}

/// Begins to close a connection in a task of its own.
fn closing(connection: Connection) -> tokio::task::JoinHandle<Result<(), Error>> {
    tokio::spawn(async move { connection.close(200, "goodbye").await })
}

#[tokio::test(start_paused = true)]
async fn a_close_of_the_broker_is_confirmed_and_told_to_everybody() {
    let (connection, channel, mut broker) = connect_channel().await;
    let deliveries = broker.consume(&channel, 1, "t").await;
    broker.select(&channel, 1, 1).await;
    let (mut outcomes, properties) = (Outcomes::new(), Properties::default());
    let message = mandatory(&properties, &[b"x"]);
    channel.publish_with_handler(&message, outcomes.handler.clone(), 1).unwrap();
    let waiting = async {
        tokio::join!(
            channel.qos(1),
            connection.update_secret("new", "old"),
            channel.ready(),
            channel.closed(),
            connection.closed(),
            connection.open_channel(),
        )
    };
    let script = async {
        let _ = broker.published().await;
        for _ in 0..3 {
            let _ = broker.frame().await;
        }
        broker.send(&[frames::connection_close(320, "shutdown")]).await;
        broker.expect_close_ok().await;
    };
    let (told, ()) = within(async { tokio::join!(waiting, script) }).await;
    is_320(&told.0.unwrap_err());
    is_320(&told.1.unwrap_err());
    is_320(&told.2.unwrap_err());
    is_320(&told.3);
    is_320(&told.4);
    is_320(&told.5.unwrap_err());
    let lost = "lost: the broker closed the connection: 320 shutdown".to_owned();
    assert_eq!(outcomes.take(1).await, [(1, lost)]);
    match deliveries.end().await {
        ConsumerEnd::Closed(error) => is_320(&error),
        other => panic!("{other:?}"),
    }
    assert!(!connection.is_open() && !channel.is_open());
    is_320(&connection.open_channel().await.unwrap_err());
    is_320(&connection.close(200, "too late").await.unwrap_err());
}

#[tokio::test(start_paused = true)]
async fn a_close_while_bodies_are_half_way_gives_them_up() {
    let (connection, channel, mut broker) = connect_channel().await;
    let deliveries = broker.consume(&channel, 1, "t").await;
    let header = frames::header(1, 8, &BasicProperties::default());
    let close = frames::connection_close(320, "shutdown");
    broker.send(&[frames::deliver(1, "t", 1), header, frames::body(1, b"half"), close]).await;
    assert!(matches!(deliveries.end().await, ConsumerEnd::Closed(_)));
    is_320(&within(connection.closed()).await);
    broker.expect_close_ok().await;
}

#[tokio::test(start_paused = true)]
async fn a_close_by_this_program_waits_for_the_broker_and_is_told_to_everybody() {
    let (connection, channel, mut broker) = connect_channel().await;
    let mut deliveries = broker.consume(&channel, 1, "t").await;
    let closed = closing(connection);
    let close = connection::Close {
        reply_code: 200,
        reply_text: "goodbye".into(),
        class_id: 0,
        method_id: 0,
    };
    broker.expect_connection(&connection::AMQPMethod::Close(close)).await;
    // What was on its way is still delivered, but nothing more is sent.
    broker.send(&[frames::delivery(1, "t", 1, b"late"), frames::ack(1, 1, true)]).await;
    assert_eq!(deliveries.body().await, b"late");
    assert!(matches!(channel.ack(1, false), Err(Error::Closed)));
    assert!(matches!(channel.qos(1).await, Err(Error::Closed)));
    assert!(!channel.is_ready() && !closed.is_finished());
    broker.send(&[frames::connection_close_ok()]).await;
    within(closed).await.unwrap().unwrap();
    assert!(matches!(deliveries.end().await, ConsumerEnd::Closed(Error::Closed)));
    assert!(matches!(within(channel.closed()).await, Error::Closed));
    assert!(matches!(within(channel.ready()).await, Err(Error::Closed)));
    broker.expect_end().await;
}

#[tokio::test(start_paused = true)]
async fn everything_that_was_published_leaves_before_the_close() {
    let (connection, channel, mut broker) = connect_channel().await;
    let (properties, body) = (Properties::default(), vec![7; 200_000]);
    for _ in 0..4 {
        channel.publish(&mandatory(&properties, &[&body])).unwrap();
    }
    let closed = closing(connection);
    for _ in 0..4 {
        assert_eq!(broker.published().await.bodies.concat(), body);
    }
    let _ = broker.confirm_close().await;
    within(closed).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn closes_that_cross_end_the_connection_with_the_brokers_reason() {
    let (connection, mut broker) = connect().await;
    let closed = closing(connection);
    assert!(matches!(broker.connection_method().await, connection::AMQPMethod::Close(_)));
    broker.send(&[frames::connection_close(320, "shutdown")]).await;
    broker.expect_close_ok().await;
    is_320(&within(closed).await.unwrap().unwrap_err());
}

#[tokio::test(start_paused = true)]
async fn a_close_that_the_broker_does_not_confirm_ends_after_five_seconds() {
    for traffic in [false, true] {
        let (connection, mut broker) = connect().await;
        let begun = Instant::now();
        let closed = closing(connection);
        assert!(matches!(broker.connection_method().await, connection::AMQPMethod::Close(_)));
        let chatter = async {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                if traffic {
                    broker.send(&[frames::heartbeat()]).await;
                }
            }
        };
        tokio::select! {
            closed = within(closed) => closed.unwrap().unwrap(),
            () = chatter => {}
        }
        assert_eq!(begun.elapsed().as_secs(), 5);
    }
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_reads_nothing_delays_a_close_by_five_seconds_at_most() {
    let (connection, channel, broker) = connect_channel().await;
    let (properties, body) = (Properties::default(), vec![7; 200_000]);
    channel.publish(&mandatory(&properties, &[&body])).unwrap();
    let begun = Instant::now();
    within(closing(connection)).await.unwrap().unwrap();
    assert_eq!(begun.elapsed().as_secs(), 5);
    drop(broker);
}

#[tokio::test(start_paused = true)]
async fn the_brokers_reason_is_reported_even_if_it_reads_nothing_more() {
    // Heartbeats are missed before the time for the last bytes is over, and are not the reason.
    let options = Options { heartbeat: Duration::from_secs(1), ..options() };
    let (connection, _, mut broker) = connect_with(&options, (0, 4096, 0)).await;
    let channel = broker.open_channel(&connection, 1).await;
    let (properties, body) = (Properties::default(), vec![7; 200_000]);
    channel.publish(&mandatory(&properties, &[&body])).unwrap();
    broker.send(&[frames::connection_close(320, "shutdown")]).await;
    is_320(&within(connection.closed()).await);
}

#[tokio::test(start_paused = true)]
async fn a_second_close_waits_for_the_first() {
    let (connection, mut broker) = connect().await;
    let both = async { tokio::join!(connection.close(200, "one"), connection.close(201, "two")) };
    let ((one, two), close) = within(async { tokio::join!(both, broker.confirm_close()) }).await;
    one.unwrap();
    two.unwrap();
    assert_eq!((close.reply_code, close.reply_text.as_str()), (200, "one"));
    connection.close(202, "three").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn dropping_the_handle_closes_the_connection_in_the_background() {
    let (connection, channel, mut broker) = connect_channel().await;
    drop(connection);
    assert!(matches!(channel.publish(&mandatory(&Properties::default(), &[])), Err(Error::Closed)));
    // The connection is on its way down: the channel says nothing of its own.
    let ended = tokio::spawn(async move { channel.closed().await });
    assert_eq!(broker.confirm_close().await.reply_code, 200);
    assert!(matches!(within(ended).await.unwrap(), Error::Closed));
}

#[tokio::test(start_paused = true)]
async fn methods_that_belong_to_no_open_connection_break_the_protocol() {
    for wrong in [frames::start("PLAIN"), frames::tune(0, 0, 0), frames::open_ok()] {
        let (connection, mut broker) = connect().await;
        broker.send(&[wrong]).await;
        let error = within(connection.closed()).await;
        assert!(matches!(error, Error::Protocol(_)), "{error:?}");
        broker.expect_end().await;
    }
}
