//! Tuning: what both sides agree on, and what they do at its edges.

use std::time::Duration;

use amq_protocol::protocol::{BasicProperties, connection};
use rpc_amqp::{Error, Field, FieldTable, InvalidArgument, Options, Properties, PropertiesBuilder};

use crate::broker::{Broker, connect_with, options, within};
use crate::frames;
use crate::receivers::{Event, mandatory};

fn wanted(channel_max: u16, frame_max: u32, heartbeat: u64) -> Options {
    Options { channel_max, frame_max, heartbeat: Duration::from_secs(heartbeat), ..options() }
}

fn tune_ok(channel_max: u16, frame_max: u32, heartbeat: u16) -> connection::TuneOk {
    connection::TuneOk { channel_max, frame_max, heartbeat }
}

#[tokio::test(start_paused = true)]
async fn the_broker_is_told_the_smaller_of_both_wishes() {
    for (ours, theirs, agreed) in [
        (wanted(2047, 131_072, 60), (2047, 131_072, 60), tune_ok(2047, 131_072, 60)),
        (wanted(100, 8192, 10), (2047, 131_072, 60), tune_ok(100, 8192, 10)),
        (wanted(2047, 131_072, 60), (10, 4096, 5), tune_ok(10, 4096, 5)),
        (wanted(7, 5000, 9), (0, 0, 0), tune_ok(7, 5000, 9)),
        (wanted(0, 0, 0), (7, 5000, 9), tune_ok(7, 5000, 9)),
        // No limit is the largest number where AMQP has no other word for it.
        (wanted(0, 0, 0), (0, 0, 0), tune_ok(65_535, 0, 0)),
        (wanted(1, 1, 1), (0, 0, 0), tune_ok(1, 4096, 1)),
    ] {
        let (connection, told, _broker) = connect_with(&ours, theirs).await;
        assert_eq!(told, agreed);
        assert!(connection.is_open());
    }
}

/// Publishes a body of so many bytes, and returns the sizes of the frames in which it comes.
async fn pieces(agreed: u32, body: usize) -> Vec<usize> {
    let (connection, _, mut broker) = connect_with(&wanted(0, agreed, 0), (0, 0, 0)).await;
    let channel = broker.open_channel(&connection, 1).await;
    let (properties, body) = (Properties::default(), vec![7; body]);
    channel.publish(&mandatory(&properties, &[&body])).unwrap();
    let published = broker.published().await;
    assert_eq!(published.bodies.concat(), body);
    published.bodies.iter().map(Vec::len).collect()
}

#[tokio::test(start_paused = true)]
async fn a_body_is_divided_where_a_frame_would_be_too_large() {
    assert!(pieces(4096, 0).await.is_empty());
    assert_eq!(pieces(4096, 4087).await, [4087]);
    assert_eq!(pieces(4096, 4088).await, [4088]);
    assert_eq!(pieces(4096, 4089).await, [4088, 1]);
    assert_eq!(pieces(4096, 8177).await, [4088, 4088, 1]);
    assert_eq!(pieces(4097, 4089).await, [4089]);
    assert_eq!(pieces(131_072, 131_065).await, [131_064, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_body_is_not_divided_where_the_broker_has_no_limit() {
    assert_eq!(pieces(0, 300_000).await, [300_000]);
}

#[tokio::test(start_paused = true)]
async fn properties_that_fit_into_no_frame_are_refused_and_the_channel_goes_on() {
    let (connection, _, mut broker) = connect_with(&wanted(0, 4096, 0), (0, 0, 0)).await;
    let channel = broker.open_channel(&connection, 1).await;
    // A frame has 4,088 bytes for class, weight and size (12), and for flags and headers.
    for (filling, fits) in [(4088 - 12 - 2 - 4 - 7, true), (4088 - 12 - 2 - 4 - 6, false)] {
        let mut headers = FieldTable::new();
        headers.insert("x", Field::Text(&"a".repeat(filling))).unwrap();
        let properties = PropertiesBuilder::new().headers(&headers).build().unwrap();
        let sent = channel.publish(&mandatory(&properties, &[b"body"]));
        if fits {
            sent.unwrap();
            let header = broker.published().await.header;
            let headers = header.properties.headers().clone().unwrap();
            assert_eq!(headers.inner()["x"].as_long_string().unwrap().len(), filling);
        } else {
            let expected = InvalidArgument::PropertiesTooLarge { bytes: 4077, limit: 4076 };
            assert!(matches!(sent, Err(Error::InvalidArgument(it)) if it == expected), "{sent:?}");
        }
    }
    assert!(channel.is_open());
    broker.sync(1).await;
}

/// Delivers a body in one frame whose payload has so many bytes, and returns what became of the connection.
async fn receive(agreed: u32, theirs: u32, payload: usize) -> Result<(), Error> {
    let (connection, _, mut broker) = connect_with(&wanted(0, agreed, 0), (0, theirs, 0)).await;
    let channel = broker.open_channel(&connection, 1).await;
    let mut deliveries = broker.consume(&channel, 1, "t").await;
    let body = vec![7; payload];
    let header = frames::header(1, payload as u64, &BasicProperties::default());
    send_unread(&mut broker, &[frames::deliver(1, "t", 1), header, frames::body(1, &body)]).await;
    match deliveries.event().await {
        Event::Delivery(delivery) => assert_eq!(delivery.message.body(), body),
        Event::End(_) => return Err(within(connection.closed()).await),
    }
    Ok(())
}

/// Sends bytes that the client need not read to the end.
async fn send_unread(broker: &mut Broker, parts: &[Vec<u8>]) {
    for part in parts {
        broker.send(std::slice::from_ref(part)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_frame_is_accepted_up_to_the_size_that_the_broker_may_send() {
    // RabbitMQ accepts payloads of this size from others, and does not divide their headers.
    for payload in [4087, 4088, 4089, 4095, 4096] {
        receive(4096, 4096, payload).await.unwrap();
    }
    // Another client may use the broker's own, larger frames.
    receive(4096, 8192, 8192).await.unwrap();
    receive(4096, 0, 60_000).await.unwrap();
    for (agreed, theirs, payload) in [(4096, 4096, 4097), (4096, 8192, 8193)] {
        let error = receive(agreed, theirs, payload).await.unwrap_err();
        assert!(matches!(error, Error::Protocol(_)), "{error:?}");
        assert!(error.to_string().contains(&payload.to_string()), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_announces_more_than_any_broker_sends_is_refused_before_it_is_read() {
    let (connection, _, mut broker) = connect_with(&wanted(0, 0, 0), (0, 0, 0)).await;
    broker.send(&[vec![1, 0, 0, 0xff, 0xff, 0xff, 0xff]]).await;
    let error = within(connection.closed()).await;
    assert!(matches!(error, Error::Protocol(_)), "{error:?}");
    broker.expect_end().await;
}
