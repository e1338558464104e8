//! The body of the fuzz target `amqp_frames`.

use std::sync::{Arc, Mutex};

use rpc_amqp::{
    ConfirmHandler, Connection, Consumer, ConsumerEnd, Delivery, Fields, Login, Message, Options,
    Outcome, Properties, PropertiesBuilder, Publish,
};
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};

/// Has a connection read any bytes of a broker, behind a good handshake and with two channels that consume and publish.
///
/// The connection must end without a panic, each consumer must be told of its end once, behind its last delivery, and each message
/// must have one outcome.
pub fn amqp_frames(data: &[u8]) {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().expect("a runtime can be built");
    runtime.block_on(async {
        let limit = std::time::Duration::from_secs(3600);
        tokio::time::timeout(limit, run(data)).await.expect("the connection does not end");
    });
}

async fn run(data: &[u8]) {
    let (options, data) = data.split_at_checked(1).unwrap_or((&[0], &[]));
    let (client, mut broker) = duplex(1 << 24);
    let max_body = if options[0] & 1 == 0 { 50 } else { 1 << 20 };
    let login = Login::Plain { user: "u".into(), password: "p".into() };
    let settings =
        Options { max_body, heartbeat: std::time::Duration::ZERO, ..Options::new(login) };
    broker.write_all(&handshake()).await.expect("the stream holds it");
    let connection = Connection::open(client, &settings).await.expect("the handshake is good");

    let mut consumers = Vec::new();
    let mut channels = Vec::new();
    let outcomes = Arc::new(Outcomes::default());
    for id in [1, 2] {
        let channel = answer(&mut broker, id, [20, 11], &[0; 4], connection.open_channel()).await;
        let channel = channel.expect("it is opened");
        let select = channel.confirm_select(10);
        answer(&mut broker, id, [85, 11], &[], select).await.expect("it is answered");
        let (consumer, consume) = (Arc::new(Recorder::default()), &Default::default());
        let consume = channel.consume("q", "t", consume, Arc::clone(&consumer) as _);
        answer(&mut broker, id, [60, 21], b"\x01t", consume).await.expect("it is answered");
        for number in 0..3 {
            let handler = Arc::clone(&outcomes) as Arc<dyn ConfirmHandler>;
            let number = u128::from(id) * 3 + number;
            channel.publish_with_handler(&message(), handler, number).expect("it is open");
        }
        consumers.push(consumer);
        channels.push(channel);
    }
    // A channel that is closing, and a request that waits.
    if options[0] & 2 != 0 {
        drop(channels.pop());
    }
    let waiting = channels[0].qos(1);
    let end = async {
        broker.write_all(data).await.expect("the stream holds it");
        drop(broker);
    };
    let _ = tokio::join!(waiting, end);
    drop(connection.closed().await.to_string());
    for channel in &channels {
        assert!(!channel.is_open());
        drop(channel.closed().await);
    }
    outcomes.check();
    for (at, consumer) in consumers.iter().enumerate() {
        consumer.check(channels.get(at).is_some());
    }
}

/// Sends a request, and has the broker answer it.
async fn answer<T>(
    broker: &mut DuplexStream,
    id: u8,
    [class, method]: [u8; 2],
    arguments: &[u8],
    request: impl Future<Output = T>,
) -> T {
    let payload = [&[0, class, 0, method], arguments].concat();
    let answer = frame(1, id, &payload);
    let (answered, written) = tokio::join!(request, broker.write_all(&answer));
    written.expect("the stream holds it");
    answered
}

/// Returns a frame on a channel below 256.
pub fn frame(kind: u8, channel: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&[kind, 0, channel], &length[..], payload, &[0xce]].concat()
}

fn handshake() -> Vec<u8> {
    [
        frame(1, 0, b"\0\x0a\0\x0a\0\x09\0\0\0\0\0\0\0\x05PLAIN\0\0\0\x05en_US"),
        frame(1, 0, b"\0\x0a\0\x1e\0\0\0\0\x20\0\0\0"),
        frame(1, 0, b"\0\x0a\0\x29\0"),
    ]
    .concat()
}

/// Returns the message that each channel has published three times.
fn message() -> Publish<'static> {
    static PROPERTIES: std::sync::OnceLock<Properties> = std::sync::OnceLock::new();
    let properties = PROPERTIES.get_or_init(Properties::default);
    Publish { exchange: "", routing_key: "q", mandatory: true, properties, body: &[b"x"] }
}

#[derive(Default)]
struct Recorder(Mutex<(usize, usize)>);

impl Consumer for Recorder {
    fn on_delivery(&self, delivery: Delivery) {
        look_at(&delivery.message);
        let mut seen = self.0.lock().expect("it is not poisoned");
        assert_eq!(seen.1, 0, "a delivery comes behind the end");
        seen.0 += 1;
    }

    fn on_end(&self, reason: ConsumerEnd) {
        drop(format!("{reason:?}"));
        self.0.lock().expect("it is not poisoned").1 += 1;
    }
}

impl Recorder {
    fn check(&self, told: bool) {
        // Nobody is told of the end of a channel that this program closed.
        let ends = self.0.lock().expect("it is not poisoned").1;
        assert!(ends <= 1 && (ends == 1 || !told), "told {ends} times");
    }
}

#[derive(Default)]
struct Outcomes(Mutex<Vec<u128>>);

impl ConfirmHandler for Outcomes {
    fn on_outcome(&self, message: u128, outcome: Outcome) {
        if let Outcome::Returned(returned) = &outcome {
            look_at(&returned.message);
            assert_eq!(returned.message.body(), b"x"[..], "it is another message");
        }
        self.0.lock().expect("it is not poisoned").push(message);
    }
}

impl Outcomes {
    fn check(&self) {
        let mut seen = self.0.lock().expect("it is not poisoned").clone();
        seen.sort_unstable();
        assert_eq!(seen, (3..9).collect::<Vec<_>>(), "each message has one outcome");
    }
}

/// Looks at everything that a message carries.
fn look_at(message: &Message) {
    let properties = message.properties();
    let texts = [
        Some(message.exchange()),
        Some(message.routing_key()),
        properties.content_type(),
        properties.content_encoding(),
        properties.correlation_id(),
        properties.reply_to(),
        properties.expiration(),
        properties.message_id(),
        properties.kind(),
        properties.user_id(),
        properties.app_id(),
    ];
    for text in texts.into_iter().flatten() {
        assert_eq!(text.as_str().is_some(), str::from_utf8(text.as_bytes()).is_ok());
        drop(text.to_string_lossy());
    }
    let _ = (properties.delivery_mode(), properties.priority(), properties.timestamp());
    drop(format!("{properties:?} {}", properties.is_malformed()));
    if let Some(headers) = properties.headers() {
        walk(headers);
    }
    let copy = PropertiesBuilder::from(&properties).build();
    let copy = copy.expect("what was received can be sent");
    assert!(!copy.is_malformed());
    assert_eq!(copy.correlation_id(), properties.correlation_id());
    let _ = message.body();
}

/// Goes through all tables within a table.
fn walk(fields: Fields<'_>) {
    let mut tables = vec![fields];
    while let Some(fields) = tables.pop() {
        for (name, value) in fields {
            let _ = (name.as_str(), value.as_i64(), value.as_text());
            tables.extend(value.as_table());
        }
    }
}
