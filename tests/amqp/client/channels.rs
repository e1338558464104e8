//! Channels that the broker closes, and requests that are dropped half-way.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rpc_amqp::{Channel, Connection, Error, Options, Properties, Publish, QueueDeclare};
use rpc_tests::support::seeded_rng::SeededRng;

use crate::broker::{Broker, QUEUE, declare, declare_passively, in_time, seed};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_channels_that_the_broker_closes_leave_their_ids_to_others() {
    let broker = Broker::shared("closed channels").await;
    // Ids that are not used again are soon missed.
    let options = Options { channel_max: 16, ..broker.options() };
    let connection = Arc::new(broker.open(&options).await.unwrap());
    let tasks = (0..8).map(|_| {
        let connection = Arc::clone(&connection);
        tokio::spawn(async move {
            for _ in 0..625 {
                let channel = in_time("a channel", connection.open_channel()).await.unwrap();
                let error = declare_passively(&channel, "missing").await.unwrap_err();
                assert!(error.is_channel_error() && !channel.is_open());
                let said = error.broker().unwrap();
                assert_eq!((said.code, said.class, said.method), (404, 50, 10));
                assert!(said.text.contains("'missing'"), "{said}");
                let why = in_time("the end", channel.closed()).await;
                assert_eq!(why.broker(), Some(said));
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert!(connection.is_open());
    let mut channels = Vec::new();
    for at in 0..16 {
        channels.push(in_time("a channel", connection.open_channel()).await.unwrap());
        let name = format!("q{at}");
        assert_eq!(declare(&channels[at], &name).await.unwrap().name, name);
    }
    let error = in_time("a channel", connection.open_channel()).await.unwrap_err();
    assert!(matches!(error, Error::TooManyChannels(16)), "{error}");
    drop(channels);
    broker.until_no_channel_is_open().await;
    assert!(connection.is_open());
}

const POLL: Duration = Duration::from_millis(20);

/// What happens to a declaration.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    /// It is dropped before its first poll, so it is never sent.
    NeverPolled,
    /// It is dropped when it has been sent.
    DroppedHalfWay,
    Awaited,
}

/// Declares a queue in this way. Returns whether the declaration was sent.
async fn declare_as(fate: Fate, channel: &Channel, name: &str, yields: usize) -> bool {
    // Exclusive, as declaring thousands of durable ones takes minutes.
    let queue = QueueDeclare { name, durable: false, exclusive: true, ..QUEUE };
    let mut declaration = pin!(channel.queue_declare(&queue));
    match fate {
        Fate::NeverPolled => return false,
        Fate::DroppedHalfWay => {
            let _ = poll_fn(|cx| Poll::Ready(declaration.as_mut().poll(cx).is_ready())).await;
            // Its answer may come before it is dropped, or afterwards.
            for _ in 0..yields {
                tokio::task::yield_now().await;
            }
        }
        Fate::Awaited => {
            let declared = in_time("a declaration", declaration).await.unwrap();
            assert_eq!((declared.name.as_str(), declared.messages), (name, 0));
        }
    }
    true
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn declarations_that_are_dropped_half_way_are_carried_out_and_confuse_nobody() {
    let broker = Broker::shared("dropped declarations").await;
    let mut rng = SeededRng::new(seed());
    let connection = broker.connect().await;
    // Two channels, each of which two tasks share.
    let mut channels = Vec::new();
    for _ in 0..2 {
        channels.push(Arc::new(in_time("a channel", connection.open_channel()).await.unwrap()));
    }
    let tasks: Vec<_> = (0..4)
        .map(|task| {
            let (channel, mut rng) = (Arc::clone(&channels[task % 2]), SeededRng::new(rng.seed()));
            tokio::spawn(async move {
                let (mut sent, mut dropped) = (BTreeSet::new(), 0);
                while dropped < 500 {
                    let fates = [
                        Fate::DroppedHalfWay,
                        Fate::DroppedHalfWay,
                        Fate::NeverPolled,
                        Fate::Awaited,
                    ];
                    let fate = rng.pick(&fates);
                    let name = format!("{task}-{}", sent.len());
                    dropped += usize::from(fate == Fate::DroppedHalfWay);
                    if declare_as(fate, &channel, &name, rng.below(4)).await {
                        sent.insert(name);
                    }
                }
                sent
            })
        })
        .collect();
    let mut expected = BTreeSet::new();
    for task in tasks {
        expected.extend(task.await.unwrap());
    }
    for channel in &channels {
        // Answered behind all others of the channel.
        let (name, error) = ("last", declare_passively(channel, "missing").await.unwrap_err());
        assert_eq!(error.broker().map(|said| said.code), Some(404));
        let channel = in_time("a channel", connection.open_channel()).await.unwrap();
        assert_eq!(declare(&channel, name).await.unwrap().name, name);
        expected.insert(name.to_owned());
    }
    let queues = broker.node.queues(&broker.vhost).await.unwrap();
    let declared: BTreeSet<_> = queues.into_iter().map(|queue| queue.name).collect();
    assert_eq!(declared, expected);
    assert!(connection.is_open());
}

/// Opens a channel as soon as there is a free id.
async fn open_when_free(connection: &Connection) -> Channel {
    loop {
        match in_time("a channel", connection.open_channel()).await {
            Ok(channel) => return channel,
            Err(Error::TooManyChannels(_)) => tokio::time::sleep(POLL).await,
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closes_that_cross_the_brokers_return_and_leave_their_ids_to_others() {
    let broker = Broker::shared("crossing closes").await;
    let mut rng = SeededRng::new(seed());
    // RabbitMQ loses the confirms of some of these closes. So few ids are soon used again after that.
    let options = Options { channel_max: 16, ..broker.options() };
    let connection = Arc::new(broker.open(&options).await.unwrap());
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (connection, mut rng) = (Arc::clone(&connection), SeededRng::new(rng.seed()));
            tokio::spawn(async move {
                for _ in 0..300 {
                    let channel = in_time("an id", open_when_free(&connection)).await;
                    let properties = Properties::default();
                    let message = crate::messages::to("", &properties, &[]);
                    channel.publish(&Publish { exchange: "missing", ..message }).unwrap();
                    for _ in 0..rng.below(4) {
                        tokio::task::yield_now().await;
                    }
                    in_time("the close", channel.close(200, "done")).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    broker.until_no_channel_is_open().await;
    let mut channels = Vec::new();
    for _ in 0..16 {
        channels.push(in_time("an id", open_when_free(&connection)).await);
    }
    for channel in &channels {
        declare(channel, "q").await.unwrap();
    }
}
