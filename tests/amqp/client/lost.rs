//! Connections that are lost: everybody who waits is told, with the reason.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rpc_amqp::{Channel, ConfirmFuture, Connection, ConsumerEnd, Error, Options, Outcome};
use rpc_tests::support::rabbitmq::{Cut, Direction, Proxy};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::broker::{BULK_TIMEOUT, Broker, declare, in_time, open, within};
use crate::messages::{Received, publish, short_form};

/// How long a publisher waits until the test concludes that it is held back.
const HELD_BACK: Duration = Duration::from_millis(300);

/// A connection on which somebody waits for everything that there is.
struct Waiting {
    connection: Arc<Connection>,
    channel: Arc<Channel>,
    received: Received,
    confirms: Vec<ConfirmFuture>,
    /// What they wait for, and its error.
    waiters: Vec<(&'static str, JoinHandle<Error>)>,
}

impl Waiting {
    async fn begin(connection: Connection) -> Self {
        let channel = Arc::new(in_time("a channel", connection.open_channel()).await.unwrap());
        in_time("confirms", channel.confirm_select(usize::MAX)).await.unwrap();
        declare(&channel, "q").await.unwrap();
        let received = Received::of(&channel, "q").await;
        let (confirms, waiters) = (Vec::new(), Vec::new());
        Self { connection: Arc::new(connection), channel, received, confirms, waiters }
    }

    /// Publishes until the publisher is held back. Returns how many bytes it could publish.
    async fn publish_until_held_back(&mut self) -> usize {
        let body = vec![0; 64 * 1024];
        while let Ok(ready) = timeout(HELD_BACK, self.channel.ready()).await {
            ready.unwrap();
            self.confirms.push(publish(&self.channel, "nowhere", &body).unwrap());
            assert!(self.confirms.len() < 1000, "64 MiB wait, and nobody is held back");
        }
        assert!(!self.channel.is_ready());
        self.confirms.len() * body.len()
    }

    /// Begins to wait for answers, the end of the channel and that of the connection.
    fn wait_for_everything(&mut self) {
        let mut wait = |what, waiter| self.waiters.push((what, tokio::spawn(waiter)));
        let (channel, connection) = (Arc::clone(&self.channel), Arc::clone(&self.connection));
        type Waiter = std::pin::Pin<Box<dyn Future<Output = Error> + Send>>;
        let (on, to) = (Arc::clone(&channel), Arc::clone(&connection));
        let waiters: [(&str, Waiter); 5] = [
            ("a declaration", Box::pin(async move { declare(&on, "more").await.unwrap_err() })),
            ("a channel", Box::pin(async move { to.open_channel().await.unwrap_err() })),
            ("room", {
                let channel = Arc::clone(&channel);
                Box::pin(async move { until_never_ready(&channel).await })
            }),
            ("the channel's end", Box::pin(async move { channel.closed().await })),
            ("the connection's end", Box::pin(async move { connection.closed().await })),
        ];
        for (what, waiter) in waiters {
            wait(what, waiter);
        }
        let connection = Arc::clone(&self.connection);
        let secret: Waiter =
            Box::pin(
                async move { connection.update_secret("token", "it expires").await.unwrap_err() },
            );
        wait("a new secret", secret);
    }

    /// Asserts that everybody is told an error of this kind, once.
    async fn assert_told(mut self, is: impl Fn(&Error) -> bool) {
        for (what, waiter) in self.waiters {
            let error = within(BULK_TIMEOUT, what, waiter).await.unwrap();
            assert!(is(&error), "{what}: {error:?}");
        }
        for confirm in self.confirms {
            let outcome = in_time("an outcome", confirm).await;
            let right = matches!(&outcome, Outcome::Lost(error) if is(error));
            assert!(right, "{}", short_form(&outcome));
        }
        let end = self.received.end().await;
        assert!(matches!(&end, ConsumerEnd::Closed(error) if is(error)), "{end:?}");
        // Later ones are told the same.
        let late = [
            publish(&self.channel, "q", b"").unwrap_err(),
            self.channel.ack(1, false).unwrap_err(),
            declare(&self.channel, "q").await.unwrap_err(),
            in_time("a channel", self.connection.open_channel()).await.unwrap_err(),
            in_time("the close", self.connection.close(200, "late")).await.unwrap_err(),
        ];
        for error in late {
            assert!(is(&error), "{error:?}");
        }
        assert!(!self.connection.is_open() && !self.channel.is_open() && !self.channel.is_ready());
    }
}

/// Waits until the channel takes no more messages for good, and returns why.
async fn until_never_ready(channel: &Channel) -> Error {
    loop {
        if let Err(error) = channel.ready().await {
            return error;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_broker_holds_publishers_back_and_heartbeats_tell_everybody() {
    let (broker, _turn) = Broker::alone("paused").await;
    let heartbeat = Duration::from_secs(2);
    let options = Options { heartbeat, ..broker.options() };
    let mut waiting = Waiting::begin(broker.open(&options).await.unwrap()).await;
    broker.node.pause().await.unwrap();
    let published = waiting.publish_until_held_back().await;
    println!("held back after {} KiB", published / 1024);
    waiting.wait_for_everything();
    let missed = |error: &Error| matches!(error, Error::HeartbeatMissed(it) if *it == heartbeat);
    waiting.assert_told(missed).await;
    broker.node.resume().await.unwrap();
    let connection = broker.open(&options).await.unwrap();
    let channel = in_time("a channel", connection.open_channel()).await.unwrap();
    declare(&channel, "q").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_a_broker_pauses_for_a_moment() {
    let (broker, _turn) = Broker::alone("a moment").await;
    let mut waiting = Waiting::begin(broker.connect().await).await;
    declare(&waiting.channel, "nowhere").await.unwrap();
    broker.node.pause().await.unwrap();
    waiting.publish_until_held_back().await;
    let (declared, resumed) = tokio::join!(declare(&waiting.channel, "more"), broker.node.resume());
    resumed.unwrap();
    assert_eq!(declared.unwrap().name, "more");
    in_time("room for a message", waiting.channel.ready()).await.unwrap();
    let published = waiting.confirms.len();
    for confirm in waiting.confirms {
        let outcome = within(BULK_TIMEOUT, "a confirm", confirm).await;
        assert!(matches!(outcome, Outcome::Confirmed), "{}", short_form(&outcome));
    }
    assert_eq!(broker.messages("nowhere").await, published);
    assert!(waiting.connection.is_open() && waiting.received.now().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_an_operator_closes_tells_everybody_the_reason() {
    let broker = Broker::shared("operator").await;
    // Nothing is answered any more, but what the broker says still arrives.
    let proxy = Proxy::start(SocketAddr::from((Ipv4Addr::LOCALHOST, broker.node.port()))).await;
    let proxy = proxy.unwrap();
    let connection = open(proxy.port(), &broker.options()).await.unwrap();
    let mut waiting = Waiting::begin(connection).await;
    proxy.freeze(Direction::ToBroker);
    waiting.confirms.push(publish(&waiting.channel, "q", b"").unwrap());
    waiting.wait_for_everything();
    broker.node.close_connections(&broker.vhost).await.unwrap();
    let forced = |error: &Error| {
        error.broker().is_some_and(|said| {
            said.code == 320 && said.closes_connection && said.text.contains("closed by the test")
        })
    };
    waiting.assert_told(forced).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_cut_tells_everybody() {
    let broker = Broker::shared("cut").await;
    let proxy = Proxy::start(SocketAddr::from((Ipv4Addr::LOCALHOST, broker.node.port()))).await;
    let proxy = proxy.unwrap();
    for cut in [Cut::Finish, Cut::Reset] {
        let connection = open(proxy.port(), &broker.options()).await.unwrap();
        let mut waiting = Waiting::begin(connection).await;
        proxy.freeze(Direction::ToBroker);
        waiting.confirms.push(publish(&waiting.channel, "q", b"").unwrap());
        waiting.wait_for_everything();
        proxy.cut(cut);
        waiting.assert_told(|error| matches!(error, Error::Io(_))).await;
        proxy.thaw();
    }
}
