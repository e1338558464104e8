//! Messages that other clients would choke on, and content that breaks the protocol.

use amq_protocol::protocol::BasicProperties;
use rpc_amqp::{Connection, Error, Message, Options, Properties, Text};

use crate::broker::{Broker, connect_channel, connect_with, options, within};
use crate::frames;
use crate::receivers::Recorder;

const BAD: &[u8] = b"a\xff\xfeb";

/// Returns the frames of a delivery with these raw parts.
fn raw_delivery(exchange: &[u8], key: &[u8], properties: &[u8], body: &[u8]) -> Vec<u8> {
    let mut method = vec![0, 60, 0, 60, 1, b't', 0, 0, 0, 0, 0, 0, 0, 9, 0];
    for name in [exchange, key] {
        method.push(name.len() as u8);
        method.extend_from_slice(name);
    }
    let mut header = vec![0, 60, 0, 0];
    header.extend_from_slice(&(body.len() as u64).to_be_bytes());
    header.extend_from_slice(properties);
    let mut bytes = [frames::raw(1, 1, &method), frames::raw(2, 1, &header)].concat();
    if !body.is_empty() {
        bytes.extend(frames::body(1, body));
    }
    bytes
}

fn with_headers(headers: &[u8]) -> Vec<u8> {
    let mut properties = vec![0x20, 0];
    properties.extend_from_slice(&(headers.len() as u32).to_be_bytes());
    properties.extend_from_slice(headers);
    properties
}

async fn consuming(max_body: usize) -> (Connection, rpc_amqp::Channel, Recorder, Broker) {
    let options = Options { max_body, ..options() };
    let (connection, _, mut broker) = connect_with(&options, (0, 131_072, 0)).await;
    let channel = broker.open_channel(&connection, 1).await;
    let deliveries = broker.consume(&channel, 1, "t").await;
    (connection, channel, deliveries, broker)
}

/// Delivers a message, and then a harmless one, which must arrive as well.
async fn deliver(bytes: Vec<u8>) -> Message {
    let (_connection, _channel, mut deliveries, mut broker) = consuming(1 << 20).await;
    let bytes = [bytes, frames::delivery(1, "t", 10, b"harmless")];
    let (hostile, ()) = tokio::join!(deliveries.delivery(), broker.send(&bytes));
    assert_eq!((hostile.tag, hostile.oversized), (9, None));
    assert_eq!(deliveries.body().await, b"harmless");
    hostile.message
}

fn is_bad(text: Option<Text<'_>>) {
    let text = text.unwrap();
    assert_eq!((text.as_bytes(), text.as_str()), (BAD, None));
    assert_eq!(text.to_string_lossy(), "a\u{fffd}\u{fffd}b");
}

#[tokio::test(start_paused = true)]
async fn names_and_keys_that_are_not_utf_8_arrive_as_they_are() {
    let message = deliver(raw_delivery(BAD, BAD, &[0, 0], b"body")).await;
    is_bad(Some(message.exchange()));
    is_bad(Some(message.routing_key()));
    assert_eq!(message.body(), b"body"[..]);
}

#[tokio::test(start_paused = true)]
async fn each_property_may_be_text_that_is_not_utf_8() {
    type Get = fn(&Properties) -> Option<Text<'_>>;
    let properties: [(u16, Get); 9] = [
        (15, Properties::content_type),
        (14, Properties::content_encoding),
        (10, Properties::correlation_id),
        (9, Properties::reply_to),
        (8, Properties::expiration),
        (7, Properties::message_id),
        (5, Properties::kind),
        (4, Properties::user_id),
        (3, Properties::app_id),
    ];
    for (bit, get) in properties {
        let mut bytes = (1_u16 << bit).to_be_bytes().to_vec();
        bytes.push(BAD.len() as u8);
        bytes.extend_from_slice(BAD);
        let message = deliver(raw_delivery(b"", b"q", &bytes, b"body")).await;
        is_bad(get(&message.properties()));
        assert!(!message.properties().is_malformed());
        assert_eq!(message.body(), b"body"[..]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_header_whose_name_or_text_is_not_utf_8_arrives_among_the_others() {
    let headers = [b"\x04", BAD, b"S\0\0\0\x04", BAD, b"\x04goodB\x07"].concat();
    let message = deliver(raw_delivery(b"", b"q", &with_headers(&headers), b"")).await;
    let properties = message.properties();
    let fields: Vec<_> = properties.headers().unwrap().collect();
    is_bad(Some(fields[0].0));
    is_bad(fields[0].1.as_text());
    assert_eq!(properties.header("good").unwrap().as_i64(), Some(7));
}

#[tokio::test(start_paused = true)]
async fn arrays_and_tables_that_are_nested_thousands_of_levels_arrive() {
    for kind in [b'A', b'F'] {
        let mut nested = Vec::new();
        for _ in 0..3000 {
            let mut outer = if kind == b'A' { vec![kind] } else { vec![1, b'x', kind] };
            outer.extend_from_slice(&(nested.len() as u32).to_be_bytes());
            outer.append(&mut nested);
            nested = outer;
        }
        if kind == b'A' {
            nested.splice(..0, *b"\x01x");
        }
        nested.extend_from_slice(b"\x04goodB\x07");
        let message = deliver(raw_delivery(b"", b"q", &with_headers(&nested), b"body")).await;
        assert_eq!(message.properties().header("good").unwrap().as_i64(), Some(7));
        assert!(format!("{:?}", message.properties()).contains("good"));
        assert_eq!(message.body(), b"body"[..]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_header_that_is_larger_than_our_frames_arrives() {
    // Agreed on are 4,096 bytes: the broker sends what another client published with its own, larger frames.
    let options = Options { frame_max: 4096, ..options() };
    let (connection, tuned, mut broker) = connect_with(&options, (0, 131_072, 0)).await;
    assert_eq!(tuned.frame_max, 4096);
    let channel = broker.open_channel(&connection, 1).await;
    let mut deliveries = broker.consume(&channel, 1, "t").await;
    let headers = [&b"\x01xS\0\x01\x00\x00"[..], &[b'a'; 65_536]].concat();
    let bytes = [raw_delivery(b"", b"q", &with_headers(&headers), b"body")];
    let (delivery, ()) = tokio::join!(deliveries.delivery(), broker.send(&bytes));
    let properties = delivery.message.properties();
    assert_eq!(properties.header("x").unwrap().as_text().unwrap().as_bytes().len(), 65_536);
    assert_eq!(delivery.message.body(), b"body"[..]);
    broker.sync(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_property_list_that_means_nothing_is_marked_and_the_body_arrives() {
    let malformed: [&[u8]; 9] = [
        b"",
        b"\xff",
        b"\0\x01",
        b"\0\x02",
        b"\x80\0",
        b"\x80\0\xff",
        b"\x20\0\xff\xff\xff\xff",
        b"\0\0more",
        b"\xff\xff",
    ];
    for properties in malformed {
        let message = deliver(raw_delivery(b"e", b"q", properties, b"body")).await;
        assert!(message.properties().is_malformed(), "{properties:?}");
        assert_eq!(message.properties().correlation_id(), None);
        assert_eq!(message.routing_key().as_str(), Some("q"));
        assert_eq!(message.body(), b"body"[..]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_over_the_limit_is_discarded_and_reported_with_its_size() {
    let (_connection, channel, mut deliveries, mut broker) = consuming(1000).await;
    for (size, oversized) in
        [(999, None), (1000, None), (1001, Some(1001)), (500_000, Some(500_000))]
    {
        let bytes = [frames::deliver(1, "t", 9), frames::content(1, &vec![7; size], 4000)];
        let (delivery, ()) = tokio::join!(deliveries.delivery(), broker.send(&bytes));
        assert_eq!(delivery.oversized, oversized);
        let expected = if oversized.is_some() { 0 } else { size };
        assert_eq!(delivery.message.body().len(), expected);
        assert_eq!(delivery.message.routing_key().as_str(), Some("q"));
        assert_eq!(delivery.tag, 9);
    }
    // It is reported at its end, not before.
    let header = frames::header(1, 5000, &BasicProperties::default());
    broker.send(&[frames::deliver(1, "t", 9), header, frames::body(1, &[7; 4000])]).await;
    tokio::task::yield_now().await;
    deliveries.expect_nothing();
    broker.send(&[frames::body(1, &[7; 1000])]).await;
    assert_eq!(deliveries.delivery().await.oversized, Some(5000));
    channel.reject(9, false).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_size_that_no_memory_holds_is_not_believed() {
    let (connection, _channel, mut deliveries, mut broker) = consuming(usize::MAX).await;
    let header = frames::header(1, u64::MAX, &BasicProperties::default());
    broker.send(&[frames::deliver(1, "t", 1), header, frames::body(1, b"that was all")]).await;
    broker.handled(&connection).await;
    deliveries.expect_nothing();
    assert!(connection.is_open());
}

#[tokio::test(start_paused = true)]
async fn content_that_breaks_the_protocol_ends_the_connection() {
    let empty = BasicProperties::default();
    let (deliver, header) = (frames::deliver(1, "t", 1), frames::header(1, 2, &empty));
    let wrong_class = frames::raw(2, 1, &[0, 61, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0]);
    let cut_header = frames::raw(2, 1, &[0, 60, 0, 0, 0, 0, 0, 0]);
    let wrong: [&[Vec<u8>]; 11] = [
        &[frames::body(1, b"x")],
        std::slice::from_ref(&header),
        &[frames::body(0, b"x")],
        &[frames::header(7, 2, &empty)],
        &[deliver.clone(), frames::body(1, b"xx")],
        &[deliver.clone(), header.clone(), frames::body(1, b"xxx")],
        &[deliver.clone(), header.clone(), header.clone()],
        &[deliver.clone(), wrong_class],
        &[deliver.clone(), cut_header],
        &[deliver.clone(), deliver.clone()],
        &[deliver.clone(), header.clone(), frames::body(1, b"x"), frames::cancel(1, "t")],
    ];
    for bytes in wrong {
        let (connection, channel, mut broker) = connect_channel().await;
        let deliveries = broker.consume(&channel, 1, "t").await;
        broker.send(bytes).await;
        let error = within(connection.closed()).await;
        assert!(matches!(error, Error::Protocol(_)), "{error:?} after {bytes:?}");
        match deliveries.end().await {
            rpc_amqp::ConsumerEnd::Closed(reason) => {
                assert_eq!(reason.to_string(), error.to_string());
            }
            other => panic!("{other:?}"),
        }
        broker.expect_end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_no_frame_end_the_connection() {
    let mut no_end = frames::heartbeat();
    no_end.pop();
    no_end.push(0xcd);
    for bytes in [no_end, b"HTTP/1.1".to_vec(), vec![0; 8], vec![4, 0, 0, 0, 0, 0, 0, 0xce]] {
        let (connection, _channel, mut broker) = connect_channel().await;
        broker.send(std::slice::from_ref(&bytes)).await;
        let error = within(connection.closed()).await;
        assert!(matches!(error, Error::Protocol(_)), "{error:?} after {bytes:?}");
        broker.expect_end().await;
    }
}
