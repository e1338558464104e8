//! Memory: neither large bodies nor a slow broker make a connection large.
//!
//! A target of its own with one test, as the peak is that of the whole process.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use peak_alloc::PeakAlloc;
use rpc_amqp::{Channel, Connection, Consumer, ConsumerEnd, Delivery, Login, Options, Properties};
use rpc_amqp::{Fields, Publish};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const MIB: usize = 1024 * 1024;
const FRAME: usize = 128 * 1024 - 8;

struct Sender(UnboundedSender<Delivery>);

impl Consumer for Sender {
    fn on_delivery(&self, delivery: Delivery) {
        let _ = self.0.send(delivery);
    }

    fn on_end(&self, _: ConsumerEnd) {}
}

fn frame(kind: u8, channel: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&[kind, 0, channel], &length[..], payload, &[0xce]].concat()
}

/// Returns the beginning of a delivery whose body has so many bytes.
fn delivery(size: u64, properties: &[u8]) -> Vec<u8> {
    let method = frame(1, 1, b"\0\x3c\0\x3c\x01t\0\0\0\0\0\0\0\x01\0\0\x01q");
    let header = [&[0, 60, 0, 0], &size.to_be_bytes()[..], properties].concat();
    [method, frame(2, 1, &header)].concat()
}

async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(3600), future).await.expect("waited in vain")
}

/// Opens a connection and a channel with a consumer.
async fn consuming() -> (Connection, Channel, UnboundedReceiver<Delivery>, DuplexStream) {
    let (client, mut broker) = duplex(64 * 1024);
    let login = Login::Plain { user: "u".into(), password: "p".into() };
    let options = Options { heartbeat: Duration::ZERO, ..Options::new(login) };
    let handshake = [
        frame(1, 0, b"\0\x0a\0\x0a\0\x09\0\0\0\0\0\0\0\x05PLAIN\0\0\0\x05en_US"),
        frame(1, 0, b"\0\x0a\0\x1e\0\0\0\x02\0\0\0\0"),
        frame(1, 0, b"\0\x0a\0\x29\0"),
    ];
    broker.write_all(&handshake.concat()).await.unwrap();
    let connection = within(Connection::open(client, &options)).await.unwrap();
    let opened = frame(1, 1, b"\0\x14\0\x0b\0\0\0\0");
    let (channel, _) = tokio::join!(connection.open_channel(), broker.write_all(&opened));
    let channel = channel.unwrap();
    let (sender, deliveries) = unbounded_channel();
    let (options, consumed) = (Default::default(), frame(1, 1, b"\0\x3c\0\x15\x01t"));
    let consume = channel.consume("q", "t", &options, Arc::new(Sender(sender)));
    let (answered, _) = tokio::join!(consume, broker.write_all(&consumed));
    answered.unwrap();
    (connection, channel, deliveries, broker)
}

/// Runs a scenario, and returns by how many bytes the peak lies above what was in use before.
async fn peak<T>(scenario: impl Future<Output = T>) -> (T, usize) {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let result = scenario.await;
    (result, MEMORY.peak_usage().saturating_sub(before))
}

#[tokio::test(start_paused = true)]
async fn large_bodies_and_slow_brokers_leave_a_connection_small() {
    a_body_over_the_limit().await;
    a_body_that_is_only_announced().await;
    nested_headers().await;
    a_broker_that_reads_slowly().await;
}

/// A body of 64 MiB is over the limit of 16: it is never in memory.
async fn a_body_over_the_limit() {
    let (_connection, _channel, mut deliveries, mut broker) = consuming().await;
    let (count, part) = (64 * MIB / FRAME, frame(3, 1, &[7; FRAME]));
    let size = (count * FRAME) as u64;
    let ((), bytes) = peak(async {
        broker.write_all(&delivery(size, &[0, 0])).await.unwrap();
        for _ in 0..count {
            within(broker.write_all(&part)).await.unwrap();
        }
        assert_eq!(within(deliveries.recv()).await.unwrap().oversized, Some(size));
    })
    .await;
    assert!(bytes < MIB, "{bytes} bytes for a body that is discarded");
}

/// A header that promises 16 MiB, and one that promises more than there is, are not believed.
async fn a_body_that_is_only_announced() {
    let part = frame(3, 1, &[7; FRAME]);
    for promised in [16 * MIB as u64, u64::MAX] {
        let (connection, _channel, _deliveries, mut broker) = consuming().await;
        let ((), bytes) = peak(async {
            broker.write_all(&delivery(promised, &[0, 0])).await.unwrap();
            broker.write_all(&part).await.unwrap();
            broker.write_all(&frame(1, 0, b"\0\x0a\0\x3c\x03low")).await.unwrap();
            within(connection.blocked().wait_for(Option::is_some)).await.unwrap();
        })
        .await;
        assert!(bytes < 2 * MIB, "{bytes} bytes for a body that does not come");
    }
}

/// Thousands of levels of arrays take their bytes and no more.
async fn nested_headers() {
    let (_connection, _channel, mut deliveries, mut broker) = consuming().await;
    let levels = 20_000_u32;
    let arrays = (0..levels).rev().flat_map(|level| {
        let [a, b, c, d] = (level * 5).to_be_bytes();
        [b'A', a, b, c, d]
    });
    let nested: Vec<u8> = b"\x01x".iter().copied().chain(arrays).collect();
    let properties = [&[0x20, 0][..], &(nested.len() as u32).to_be_bytes(), &nested].concat();
    let message = delivery(0, &properties);
    let (delivery, bytes) = peak(async {
        within(broker.write_all(&message)).await.unwrap();
        within(deliveries.recv()).await.unwrap()
    })
    .await;
    assert_eq!(delivery.message.properties().headers().map(Fields::count), Some(1));
    assert!(bytes < MIB, "{bytes} bytes for {} bytes of headers", nested.len());
}

/// A publisher that asks first holds about a mebibyte, however slow the broker is.
async fn a_broker_that_reads_slowly() {
    let (_connection, channel, _deliveries, mut broker) = consuming().await;
    let (properties, body) = (Properties::default(), vec![7; 20_000]);
    let body = [&body[..]];
    let message = Publish {
        exchange: "",
        routing_key: "q",
        mandatory: false,
        properties: &properties,
        body: &body,
    };
    let publish = async {
        for _ in 0..2000 {
            within(channel.ready()).await.unwrap();
            channel.publish(&message).unwrap();
        }
        drop(channel);
    };
    let mut read = vec![0; 10_000];
    let read = async {
        let mut bytes = 0;
        while bytes < 2000 * 20_000 {
            bytes += within(broker.read(&mut read)).await.unwrap();
        }
    };
    let (_, bytes) = peak(async { tokio::join!(publish, read) }).await;
    assert!(bytes < 3 * MIB, "{bytes} bytes for a broker that is slow");
}
