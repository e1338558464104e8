//! A publisher that sends whatever bytes it is given, and shares no code with the clients under test.
//!
//! ```no_run
//! use rpc_tests::support::raw_publisher::{Property, RawPublisher, header, long_string, properties};
//!
//! # async fn example() -> std::io::Result<()> {
//! let mut publisher = RawPublisher::connect("localhost", 5672, "guest", "guest", "/").await?;
//! let headers = header(b"key\xff", &long_string(b"value"));
//! let hostile = properties(&[Property::Headers(&headers), Property::CorrelationId(b"\xff")]);
//! publisher.publish(b"", b"queue", &hostile, b"body").await?;
//! # Ok(())
//! # }
//! ```

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
const HEARTBEAT: u8 = 8;
const END: u8 = 0xCE;
/// The bytes of a frame beside its payload.
const OVERHEAD: usize = 8;

/// Class and number of a method.
type Id = (u16, u16);

const START: Id = (10, 10);
const START_OK: Id = (10, 11);
const TUNE: Id = (10, 30);
const TUNE_OK: Id = (10, 31);
const OPEN: Id = (10, 40);
const OPEN_OK: Id = (10, 41);
const CLOSE: Id = (10, 50);
const CHANNEL_OPEN: Id = (20, 10);
const CHANNEL_OPEN_OK: Id = (20, 11);
const CHANNEL_CLOSE: Id = (20, 40);
const PUBLISH: Id = (60, 40);
const ACK: Id = (60, 80);
const NACK: Id = (60, 120);
const SELECT: Id = (85, 10);
const SELECT_OK: Id = (85, 11);

/// Publishes bytes as they are, over a connection and a channel of its own. Dropping it closes the socket.
#[derive(Debug)]
pub struct RawPublisher {
    stream: TcpStream,
    /// As the broker wishes; the largest that it allows.
    frame_max: usize,
}

impl RawPublisher {
    /// Connects, and opens a channel whose messages are confirmed.
    ///
    /// # Errors
    ///
    /// Fails if the broker cannot be reached or refuses, with what it says.
    pub async fn connect(
        host: &str,
        port: u16,
        user: &str,
        password: &str,
        vhost: &str,
    ) -> io::Result<Self> {
        let stream = TcpStream::connect((host, port)).await?;
        stream.set_nodelay(true)?;
        let mut publisher = Self { stream, frame_max: 4096 };
        publisher.stream.write_all(b"AMQP\x00\x00\x09\x01").await?;
        publisher.expect(START).await?;
        let response = format!("\0{user}\0{password}");
        let no_properties = long(&[]);
        let login = [&no_properties, &*short(b"PLAIN"), &long(response.as_bytes()), &short(b"en")];
        publisher.call(0, START_OK, &login.concat()).await?;
        let mut tune = publisher.expect(TUNE).await?;
        // Without heartbeats: what the broker sends is read only while it has to answer.
        tune.truncate(6);
        tune.extend_from_slice(&[0, 0]);
        publisher.call(0, TUNE_OK, &tune).await?;
        let size = tune.get(2..6).and_then(|size| size.try_into().ok()).map(u32::from_be_bytes);
        publisher.frame_max = match size {
            Some(0) | None => 128 * 1024,
            Some(size) => size as usize,
        };
        publisher.call(0, OPEN, &[&*short(vhost.as_bytes()), &[0, 0]].concat()).await?;
        publisher.expect(OPEN_OK).await?;
        publisher.call(1, CHANNEL_OPEN, &[0]).await?;
        publisher.expect(CHANNEL_OPEN_OK).await?;
        publisher.call(1, SELECT, &[0]).await?;
        publisher.expect(SELECT_OK).await?;
        Ok(publisher)
    }

    /// Publishes a message and waits for its confirm. `property_bytes` are the flags and values of a content header, such as
    /// [`properties`] returns. A message that no queue takes counts as published.
    ///
    /// # Errors
    ///
    /// Fails if the broker nacks the message, or closes the channel or the connection over it, with what it says.
    pub async fn publish(
        &mut self,
        exchange: &[u8],
        routing_key: &[u8],
        property_bytes: &[u8],
        body: &[u8],
    ) -> io::Result<()> {
        let mut out = Vec::new();
        let address = [&[0, 0], &*short(exchange), &*short(routing_key), &[0]].concat();
        put_frame(&mut out, METHOD, 1, &method(PUBLISH, &address));
        let size = (body.len() as u64).to_be_bytes();
        put_frame(&mut out, HEADER, 1, &[&[0, 60, 0, 0], &size[..], property_bytes].concat());
        for piece in body.chunks(self.frame_max - OVERHEAD) {
            put_frame(&mut out, BODY, 1, piece);
        }
        self.stream.write_all(&out).await?;
        self.expect(ACK).await.map(drop)
    }

    async fn call(&mut self, channel: u16, id: Id, arguments: &[u8]) -> io::Result<()> {
        let mut out = Vec::new();
        put_frame(&mut out, METHOD, channel, &method(id, arguments));
        self.stream.write_all(&out).await
    }

    /// Reads the next method, which must be this one, and returns its arguments.
    async fn expect(&mut self, expected: Id) -> io::Result<Vec<u8>> {
        loop {
            let (kind, payload) = self.read_frame().await?;
            if kind == HEARTBEAT {
                continue;
            }
            let (Some(class), Some(number)) = (u16_at(&payload, 0), u16_at(&payload, 2)) else {
                return Err(io::Error::other("the broker sends a frame that is no method"));
            };
            let arguments = payload.get(4..).unwrap_or_default();
            return match (class, number) {
                id if id == expected => Ok(arguments.to_vec()),
                NACK => Err(io::Error::other("the broker nacks the message")),
                CLOSE | CHANNEL_CLOSE => {
                    let text = arguments.get(3..).unwrap_or_default();
                    let length = arguments.get(2).copied().unwrap_or_default().into();
                    let text = String::from_utf8_lossy(text.get(..length).unwrap_or_default());
                    Err(io::Error::other(format!("the broker closes: {text}")))
                }
                id => Err(io::Error::other(format!("{id:?} comes instead of {expected:?}"))),
            };
        }
    }

    async fn read_frame(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let kind = self.stream.read_u8().await?;
        let _channel = self.stream.read_u16().await?;
        let mut payload = vec![0; self.stream.read_u32().await? as usize];
        self.stream.read_exact(&mut payload).await?;
        match self.stream.read_u8().await? {
            END => Ok((kind, payload)),
            other => Err(io::Error::other(format!("a frame ends with {other}"))),
        }
    }
}

/// A property with its bytes. Text has at most 255.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs, reason = "AMQP names them")]
pub enum Property<'a> {
    ContentType(&'a [u8]),
    ContentEncoding(&'a [u8]),
    /// [`header`]s, one behind the other, or any other bytes.
    Headers(&'a [u8]),
    DeliveryMode(u8),
    Priority(u8),
    CorrelationId(&'a [u8]),
    ReplyTo(&'a [u8]),
    Expiration(&'a [u8]),
    MessageId(&'a [u8]),
    Timestamp(u64),
    Type(&'a [u8]),
    UserId(&'a [u8]),
    AppId(&'a [u8]),
}

impl Property<'_> {
    /// Returns its place on the wire, and its bytes there.
    fn encode(self) -> (u16, Vec<u8>) {
        match self {
            Self::ContentType(text) => (0, short(text)),
            Self::ContentEncoding(text) => (1, short(text)),
            Self::Headers(fields) => (2, long(fields)),
            Self::DeliveryMode(byte) => (3, vec![byte]),
            Self::Priority(byte) => (4, vec![byte]),
            Self::CorrelationId(text) => (5, short(text)),
            Self::ReplyTo(text) => (6, short(text)),
            Self::Expiration(text) => (7, short(text)),
            Self::MessageId(text) => (8, short(text)),
            Self::Timestamp(seconds) => (9, seconds.to_be_bytes().into()),
            Self::Type(text) => (10, short(text)),
            Self::UserId(text) => (11, short(text)),
            Self::AppId(text) => (12, short(text)),
        }
    }
}

/// Returns the bytes of these properties: flags and values. Each property may come once.
#[must_use]
pub fn properties(properties: &[Property<'_>]) -> Vec<u8> {
    let mut encoded: Vec<_> = properties.iter().map(|property| property.encode()).collect();
    encoded.sort_by_key(|(place, _)| *place);
    let flags = encoded.iter().fold(0_u16, |flags, (place, _)| flags | 0x8000 >> place);
    let values = encoded.into_iter().flat_map(|(_, bytes)| bytes);
    flags.to_be_bytes().into_iter().chain(values).collect()
}

/// Returns the bytes of one header. Its value begins with the letter of its type.
#[must_use]
pub fn header(name: &[u8], value: &[u8]) -> Vec<u8> {
    [&*short(name), value].concat()
}

/// Returns the value of a header that is text or other bytes.
#[must_use]
pub fn long_string(bytes: &[u8]) -> Vec<u8> {
    [b"S", &*long(bytes)].concat()
}

/// Returns the value of a header that is an array within an array, and so on: five bytes for each level.
#[must_use]
pub fn nested_arrays(levels: usize) -> Vec<u8> {
    let level = |level: usize| {
        let inner = u32::try_from((levels - level) * 5).unwrap_or(u32::MAX).to_be_bytes();
        [b"A", &inner[..]].concat()
    };
    (1..=levels).flat_map(level).collect()
}

/// Returns a short string.
///
/// # Panics
///
/// Panics if it has more than 255 bytes.
fn short(bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).expect("a short string has at most 255 bytes");
    [&[length], bytes].concat()
}

/// Returns a long string, or the fields of a table.
fn long(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&length, bytes].concat()
}

fn method((class, number): Id, arguments: &[u8]) -> Vec<u8> {
    [&class.to_be_bytes(), &number.to_be_bytes(), arguments].concat()
}

fn put_frame(out: &mut Vec<u8>, kind: u8, channel: u16, payload: &[u8]) {
    out.push(kind);
    out.extend_from_slice(&channel.to_be_bytes());
    out.extend_from_slice(&long(payload));
    out.push(END);
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes)
}
