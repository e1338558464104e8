//! Messages whose bytes are hostile, from a publisher that shares no code with the connection.

use rpc_amqp::{Channel, Connection, Delivery, ExchangeDeclare, Options, Properties};
use rpc_tests::support::raw_publisher::{
    Property, RawPublisher, header, long_string, nested_arrays, properties,
};
use rpc_tests::support::seeded_rng::SeededRng;

use crate::broker::{Broker, NO_ARGUMENTS, declare, in_time, seed};
use crate::messages::Received;

const EXCHANGE: &str = "everybody";
const QUEUE: &str = "poisoned";

/// What is not UTF-8.
const BYTES: &[u8] = b"a\xffz";

/// A consumer of a queue, and a publisher of raw bytes.
struct Poisoned {
    broker: Broker,
    connection: Connection,
    channel: Channel,
    received: Received,
    publisher: RawPublisher,
}

impl Poisoned {
    async fn begin(vhost: &str) -> Self {
        let broker = Broker::shared(vhost).await;
        let options = Options { frame_max: 32 * 1024, ..broker.options() };
        let connection = broker.open(&options).await.unwrap();
        let channel = in_time("a channel", connection.open_channel()).await.unwrap();
        let exchange = ExchangeDeclare {
            name: EXCHANGE,
            kind: "fanout",
            passive: false,
            durable: false,
            auto_delete: false,
            arguments: &NO_ARGUMENTS,
        };
        in_time("a declaration", channel.exchange_declare(&exchange)).await.unwrap();
        declare(&channel, QUEUE).await.unwrap();
        let bound = channel.queue_bind(QUEUE, EXCHANGE, "", &NO_ARGUMENTS);
        in_time("a binding", bound).await.unwrap();
        let received = Received::of(&channel, QUEUE).await;
        let port = broker.node.port();
        let publisher =
            RawPublisher::connect("127.0.0.1", port, "guest", "guest", vhost).await.unwrap();
        Self { broker, connection, channel, received, publisher }
    }

    /// Publishes a hostile message and an ordinary one, and returns the hostile one as it arrives: once, and in front of the other.
    async fn receive(&mut self, routing_key: &[u8], property_bytes: &[u8]) -> Delivery {
        let exchange = EXCHANGE.as_bytes();
        let ordinary = properties(&[Property::CorrelationId(b"ordinary")]);
        for (properties, body) in [(property_bytes, b"hostile"), (&ordinary, b"ordered")] {
            let published = self.publisher.publish(exchange, routing_key, properties, body);
            in_time("a confirm of the raw publisher", published).await.unwrap();
        }
        let hostile = self.received.delivery().await;
        let next = self.received.delivery().await;
        assert_eq!((hostile.message.body(), hostile.redelivered), ("hostile".into(), false));
        assert_eq!((next.message.body(), next.redelivered), ("ordered".into(), false));
        let id = next.message.properties();
        assert_eq!(id.correlation_id().and_then(|id| id.as_str()), Some("ordinary"));
        self.channel.ack(next.tag, true).unwrap();
        hostile
    }

    async fn receive_properties(&mut self, hostile: &[Property<'_>]) -> Properties {
        self.receive(b"key", &properties(hostile)).await.message.properties()
    }

    /// Asserts that nothing has come twice, and that connection and channel have not noticed.
    async fn end(mut self) {
        // Answered behind the acknowledgements.
        declare(&self.channel, QUEUE).await.unwrap();
        assert_eq!(self.broker.messages(QUEUE).await, 0);
        let more = self.received.now();
        assert!(more.is_none(), "{more:?}");
        assert!(self.connection.is_open() && self.channel.is_open());
    }
}

#[tokio::test]
async fn nested_arrays_arrive_however_deep_they_are() {
    let mut poisoned = Poisoned::begin("nested arrays").await;
    for levels in [200, 3_000, 7_000, 20_000] {
        let headers = [
            header(b"deep", &nested_arrays(levels)),
            header(b"table", &[b"F", &[0, 0, 0, 7][..], &header(b"x", b"A\0\0\0\0")].concat()),
            header(b"last", &long_string(b"found")),
        ];
        let headers = [Property::Headers(&headers.concat()), Property::Type(b"kind")];
        let received = poisoned.receive_properties(&headers).await;
        assert!(!received.is_malformed());
        assert_eq!(received.headers().unwrap().count(), 3);
        let last = received.header("last").and_then(|last| last.as_text()).unwrap();
        assert_eq!(last.as_str(), Some("found"));
        assert_eq!(received.kind().and_then(|kind| kind.as_str()), Some("kind"));
    }
    poisoned.end().await;
}

#[tokio::test]
async fn a_header_that_is_larger_than_our_frames_arrives() {
    let mut poisoned = Poisoned::begin("large header").await;
    // The last is almost as large as the frames of the broker.
    for length in [40_000, 130_000] {
        let headers = header(b"x", &long_string(&vec![b'a'; length]));
        let received = poisoned.receive_properties(&[Property::Headers(&headers)]).await;
        let text = received.header("x").and_then(|value| value.as_text()).unwrap();
        assert!(text.as_bytes().len() == length && text.as_bytes().iter().all(|it| *it == b'a'));
    }
    poisoned.end().await;
}

#[tokio::test]
async fn text_that_is_not_utf_8_arrives_as_its_bytes() {
    let mut poisoned = Poisoned::begin("bytes").await;
    let headers = header(BYTES, &long_string(BYTES));
    let received = poisoned
        .receive_properties(&[
            Property::ContentType(BYTES),
            Property::ContentEncoding(BYTES),
            Property::Headers(&headers),
            Property::CorrelationId(BYTES),
            Property::ReplyTo(BYTES),
            Property::MessageId(BYTES),
            Property::Type(BYTES),
            Property::AppId(BYTES),
        ])
        .await;
    let texts = [
        received.content_type(),
        received.content_encoding(),
        received.correlation_id(),
        received.reply_to(),
        received.message_id(),
        received.kind(),
        received.app_id(),
    ];
    for text in texts {
        let text = text.unwrap();
        assert_eq!((text.as_bytes(), text.as_str()), (BYTES, None));
        assert_eq!(text.to_string_lossy(), "a\u{fffd}z");
    }
    let (key, value) = received.headers().unwrap().next().unwrap();
    assert_eq!((key.as_bytes(), value.as_text().unwrap().as_bytes()), (BYTES, BYTES));
    // Each of them alone.
    let alone = [
        Property::CorrelationId(b"\xff"),
        Property::Type(b"\xff"),
        Property::AppId(b"\xff"),
        Property::MessageId(b"\xff"),
        Property::ReplyTo(b"\xff"),
        Property::Headers(&header(b"\xff", b"V")),
    ];
    for property in alone {
        let received = poisoned.receive_properties(&[property]).await;
        assert!(!received.is_malformed(), "{property:?}");
    }
    let delivery = poisoned.receive(BYTES, &properties(&[])).await;
    assert_eq!(delivery.message.routing_key().as_bytes(), BYTES);
    assert_eq!(delivery.message.exchange().as_str(), Some(EXCHANGE));
    poisoned.end().await;
}

/// Returns random bytes, of which many are letters.
fn bytes(rng: &mut SeededRng, limit: usize) -> Vec<u8> {
    let hostile = rng.percent(50);
    let byte = |rng: &mut SeededRng| if hostile { rng.below(256) as u8 } else { b'a' };
    (0..rng.below(limit)).map(|_| byte(rng)).collect()
}

/// Returns the value of a header, with tables and arrays in it to this depth.
fn value(rng: &mut SeededRng, depth: usize) -> Vec<u8> {
    let nested =
        |kind: &[u8], inner: Vec<u8>| [kind, &(inner.len() as u32).to_be_bytes(), &inner].concat();
    match rng.below(if depth == 0 { 6 } else { 8 }) {
        0 => b"V".to_vec(),
        1 => [b't', rng.below(2) as u8].to_vec(),
        2 => [b"I", &bytes_of(rng, 4)[..]].concat(),
        3 => [b"l", &bytes_of(rng, 8)[..]].concat(),
        4 => nested(b"x", bytes(rng, 300)),
        5 => nested(b"S", bytes(rng, 300)),
        6 => {
            let items = (0..rng.below(4)).flat_map(|_| value(rng, depth - 1)).collect();
            nested(b"A", items)
        }
        _ => {
            let fields = (0..rng.below(4))
                .flat_map(|_| header(&bytes(rng, 256), &value(rng, depth - 1)))
                .collect();
            nested(b"F", fields)
        }
    }
}

fn bytes_of(rng: &mut SeededRng, length: usize) -> Vec<u8> {
    (0..length).map(|_| rng.below(256) as u8).collect()
}

#[tokio::test]
async fn two_hundred_generated_messages_arrive_as_they_were_published() {
    let mut poisoned = Poisoned::begin("generated").await;
    let mut rng = SeededRng::new(seed());
    for _ in 0..200 {
        let names: Vec<_> = (0..rng.below(8)).map(|_| bytes(&mut rng, 256)).collect();
        let values = names.iter().map(|_| value(&mut rng, 3)).collect::<Vec<_>>();
        let headers: Vec<u8> =
            names.iter().zip(&values).flat_map(|(name, value)| header(name, value)).collect();
        let [id, kind, app] = [(); 3].map(|()| bytes(&mut rng, 256));
        let (mode, priority) = (rng.below(2) as u8 + 1, rng.below(256) as u8);
        let timestamp = rng.seed();
        let received = poisoned
            .receive_properties(&[
                Property::Headers(&headers),
                Property::CorrelationId(&id),
                Property::Type(&kind),
                Property::AppId(&app),
                Property::DeliveryMode(mode),
                Property::Priority(priority),
                Property::Timestamp(timestamp),
            ])
            .await;
        assert!(!received.is_malformed());
        // RabbitMQ 4.3 sorts them, and keeps one of each name.
        let found = received.headers().unwrap().map(|(name, _)| name.as_bytes().to_vec());
        let (mut found, mut names) = (found.collect::<Vec<_>>(), names);
        for names in [&mut found, &mut names] {
            names.sort();
            names.dedup();
        }
        assert_eq!(found, names);
        let texts = [received.correlation_id(), received.kind(), received.app_id()];
        for (text, published) in texts.into_iter().zip([id, kind, app]) {
            assert_eq!(text.unwrap().as_bytes(), published);
        }
        assert_eq!((received.delivery_mode(), received.priority()), (Some(mode), Some(priority)));
        assert_eq!(received.timestamp(), Some(timestamp));
    }
    poisoned.end().await;
}
