//! A broker that follows a script.

use std::fmt::Debug;
use std::time::Duration;

use amq_protocol::frame::{AMQPContentHeader, AMQPFrame, parsing::parse_frame};
use amq_protocol::protocol::{AMQPClass, basic, channel, confirm, connection};
use rpc_amqp::{Channel, Connection, ConsumeOptions, Error, Login, Options};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use crate::frames;
use crate::receivers::Recorder;

/// Runs a future that must not wait for anything that does not come. The clock is paused, so the limit costs no time.
pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    let limit = Duration::from_secs(3600);
    tokio::time::timeout(limit, Box::pin(future)).await.expect("waited in vain")
}

/// The broker's side of a connection.
pub(crate) struct Broker {
    stream: DuplexStream,
    input: Vec<u8>,
}

/// A message as the client published it.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) channel: u16,
    pub(crate) method: basic::Publish,
    pub(crate) header: AMQPContentHeader,
    pub(crate) bodies: Vec<Vec<u8>>,
}

/// Returns options that ask for no limits and no heartbeats of their own.
pub(crate) fn options() -> Options {
    let login = Login::Plain { user: "guest".into(), password: "secret".into() };
    Options { heartbeat: Duration::ZERO, ..Options::new(login) }
}

/// Returns the client's end of a stream that holds so many bytes, and a broker at the other end.
pub(crate) fn stream(capacity: usize) -> (DuplexStream, Broker) {
    let (client, stream) = duplex(capacity);
    (client, Broker { stream, input: Vec::new() })
}

/// Opens a connection to a broker that follows `script`, and returns what came of both.
pub(crate) async fn play<R>(
    options: &Options,
    script: impl AsyncFnOnce(&mut Broker) -> R,
) -> (Result<Connection, Error>, R, Broker) {
    let (client, mut broker) = stream(64 * 1024);
    let (opened, result) =
        within(async { tokio::join!(Connection::open(client, options), script(&mut broker)) })
            .await;
    (opened, result, broker)
}

/// Opens a connection with a broker that grants these limits: channels, bytes of a frame, heartbeat.
pub(crate) async fn connect_with(
    options: &Options,
    tune: (u16, u32, u16),
) -> (Connection, connection::TuneOk, Broker) {
    let (opened, tuned, broker) =
        play(options, async |broker| broker.shake_hands(tune).await).await;
    (opened.unwrap(), tuned, broker)
}

/// Opens a connection with frames of 4,096 bytes and no heartbeats.
pub(crate) async fn connect() -> (Connection, Broker) {
    let (connection, _, broker) = connect_with(&options(), (0, 4096, 0)).await;
    (connection, broker)
}

/// Opens a connection and a channel.
pub(crate) async fn connect_channel() -> (Connection, Channel, Broker) {
    let (connection, mut broker) = connect().await;
    let channel = broker.open_channel(&connection, 1).await;
    (connection, channel, broker)
}

impl Broker {
    /// Does its part of the handshake.
    pub(crate) async fn shake_hands(&mut self, tune: (u16, u32, u16)) -> connection::TuneOk {
        let protocol = self.frame().await;
        assert!(matches!(protocol, AMQPFrame::ProtocolHeader(_)), "{protocol:?}");
        self.send(&[frames::start("PLAIN AMQPLAIN EXTERNAL")]).await;
        let _ = self.start_ok().await;
        self.send(&[frames::tune(tune.0, tune.1, tune.2)]).await;
        let (tuned, _) = self.tune_ok_and_open().await;
        self.send(&[frames::open_ok()]).await;
        tuned
    }

    pub(crate) async fn start_ok(&mut self) -> connection::StartOk {
        match self.connection_method().await {
            connection::AMQPMethod::StartOk(it) => it,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn tune_ok_and_open(&mut self) -> (connection::TuneOk, connection::Open) {
        match (self.connection_method().await, self.connection_method().await) {
            (connection::AMQPMethod::TuneOk(tuned), connection::AMQPMethod::Open(open)) => {
                (tuned, open)
            }
            other => panic!("{other:?}"),
        }
    }

    /// Opens a channel, which must get this id.
    pub(crate) async fn open_channel(&mut self, connection: &Connection, id: u16) -> Channel {
        let (channel, ()) = within(async {
            tokio::join!(connection.open_channel(), async {
                self.expect_channel(id, &channel::AMQPMethod::Open(channel::Open {})).await;
                self.send(&[frames::channel_open_ok(id)]).await;
            })
        })
        .await;
        channel.unwrap()
    }

    /// Starts a consumer on channel 1, or on another one.
    pub(crate) async fn consume(&mut self, channel: &Channel, id: u16, tag: &str) -> Recorder {
        let (recorder, consumer) = Recorder::new();
        let options = ConsumeOptions::default();
        self.answer(channel.consume("q", tag, &options, consumer), frames::consume_ok(id, tag))
            .await
            .unwrap();
        recorder
    }

    /// Puts a channel into confirm mode.
    pub(crate) async fn select(&mut self, channel: &Channel, id: u16, limit: usize) {
        self.answer(channel.confirm_select(limit), frames::select_ok(id)).await.unwrap();
    }

    /// Answers a request of the client, which is one frame, with these bytes.
    pub(crate) async fn answer<T: Debug>(
        &mut self,
        request: impl Future<Output = T>,
        answer: Vec<u8>,
    ) -> T {
        within(async {
            let answer = async {
                let _ = self.frame().await;
                self.send(&[answer]).await;
            };
            tokio::join!(request, answer).0
        })
        .await
    }

    /// Writes these bytes in one piece.
    pub(crate) async fn send(&mut self, parts: &[Vec<u8>]) {
        within(self.stream.write_all(&parts.concat())).await.unwrap();
    }

    /// Reads the next frame; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<AMQPFrame> {
        loop {
            if let Some(frame) = self.parse() {
                return Some(frame);
            }
            if within(self.stream.read_buf(&mut self.input)).await.unwrap() == 0 {
                assert!(self.input.is_empty(), "the stream ends within a frame");
                return None;
            }
        }
    }

    fn parse(&mut self) -> Option<AMQPFrame> {
        let length = match self.input.first()? {
            b'A' => 8,
            _ => {
                let length = self.input.get(3..7)?.try_into().unwrap();
                u32::from_be_bytes(length) as usize + 8
            }
        };
        let (rest, frame) = parse_frame(self.input.get(..length)?).unwrap();
        assert!(rest.is_empty());
        self.input.drain(..length);
        Some(frame)
    }

    pub(crate) async fn frame(&mut self) -> AMQPFrame {
        self.next().await.expect("the client closed the stream")
    }

    pub(crate) async fn connection_method(&mut self) -> connection::AMQPMethod {
        match self.frame().await {
            AMQPFrame::Method(0, AMQPClass::Connection(method)) => method,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn expect_connection(&mut self, expected: &connection::AMQPMethod) {
        assert_eq!(self.connection_method().await, *expected);
    }

    /// Expects that the client closes the connection, and confirms it.
    pub(crate) async fn confirm_close(&mut self) -> connection::Close {
        let close = match self.connection_method().await {
            connection::AMQPMethod::Close(close) => close,
            other => panic!("{other:?}"),
        };
        self.send(&[frames::connection_close_ok()]).await;
        self.expect_end().await;
        close
    }

    /// Expects that the client confirms the broker's close, and ends the stream.
    pub(crate) async fn expect_close_ok(&mut self) {
        self.expect_connection(&connection::AMQPMethod::CloseOk(connection::CloseOk {})).await;
        self.expect_end().await;
    }

    /// Expects that the client ends the stream without a further word.
    pub(crate) async fn expect_end(&mut self) {
        assert_eq!(self.next().await, None);
    }

    pub(crate) async fn expect_channel(&mut self, id: u16, expected: &channel::AMQPMethod) {
        let expected = AMQPFrame::Method(id, AMQPClass::Channel(expected.clone()));
        assert_eq!(self.frame().await, expected);
    }

    pub(crate) async fn expect_channel_close(&mut self, id: u16) -> channel::Close {
        match self.frame().await {
            AMQPFrame::Method(of, AMQPClass::Channel(channel::AMQPMethod::Close(close)))
                if of == id =>
            {
                close
            }
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn expect_channel_close_ok(&mut self, id: u16) {
        self.expect_channel(id, &channel::AMQPMethod::CloseOk(channel::CloseOk {})).await;
    }

    pub(crate) async fn expect_basic(&mut self, id: u16, expected: basic::AMQPMethod) {
        assert_eq!(self.frame().await, AMQPFrame::Method(id, AMQPClass::Basic(expected)));
    }

    pub(crate) async fn expect_select(&mut self, id: u16) {
        let select = confirm::AMQPMethod::Select(confirm::Select { nowait: false });
        assert_eq!(self.frame().await, AMQPFrame::Method(id, AMQPClass::Confirm(select)));
    }

    /// Reads a message that the client publishes.
    pub(crate) async fn published(&mut self) -> Published {
        let (channel, method) = match self.frame().await {
            AMQPFrame::Method(id, AMQPClass::Basic(basic::AMQPMethod::Publish(it))) => (id, it),
            other => panic!("{other:?}"),
        };
        let header = match self.frame().await {
            AMQPFrame::Header(id, header) if id == channel => header,
            other => panic!("{other:?}"),
        };
        let (mut bodies, mut missing) = (Vec::new(), header.body_size);
        while missing > 0 {
            match self.frame().await {
                AMQPFrame::Body(id, body) if id == channel => {
                    missing -= body.len() as u64;
                    bodies.push(body);
                }
                other => panic!("{other:?}"),
            }
        }
        Published { channel, method, header, bodies }
    }

    /// Waits until the client has handled all that it was sent, shown by its answer to a flow method.
    pub(crate) async fn sync(&mut self, id: u16) {
        self.send(&[frames::flow(id, true)]).await;
        let flow_ok = channel::AMQPMethod::FlowOk(channel::FlowOk { active: true });
        self.expect_channel(id, &flow_ok).await;
    }

    /// Waits until the client has handled all that it was sent, without a word from it.
    pub(crate) async fn handled(&mut self, connection: &Connection) {
        let mut blocked = connection.blocked();
        self.send(&[frames::blocked("sync")]).await;
        within(blocked.wait_for(Option::is_some)).await.unwrap();
        self.send(&[frames::unblocked()]).await;
        within(blocked.wait_for(Option::is_none)).await.unwrap();
    }
}
