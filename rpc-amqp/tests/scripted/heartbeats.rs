//! Heartbeats, by a clock that is paused.

use std::time::Duration;

use amq_protocol::frame::AMQPFrame;
use rpc_amqp::{Connection, Error, Options};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::broker::{Broker, connect_with, options, within};
use crate::frames;

const INTERVAL: Duration = Duration::from_secs(10);

async fn connect() -> (Connection, Broker) {
    let options = Options { heartbeat: INTERVAL, ..options() };
    let (connection, tuned, broker) = connect_with(&options, (0, 4096, 60)).await;
    assert_eq!(tuned.heartbeat, 10);
    (connection, broker)
}

/// Keeps a connection from missing the broker's heartbeats.
async fn beat(broker: &mut Broker) {
    broker.send(&[frames::heartbeat()]).await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_client_sends_a_heartbeat_at_least_once_in_an_interval() {
    let (connection, mut broker) = connect().await;
    let mut last = Instant::now();
    for _ in 0..50 {
        let frame = within(broker.frame()).await;
        assert_eq!(frame, AMQPFrame::Heartbeat);
        assert!(last.elapsed() <= INTERVAL, "{:?}", last.elapsed());
        last = Instant::now();
        beat(&mut broker).await;
    }
    assert!(connection.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_busy_client_sends_no_heartbeats() {
    let (connection, mut broker) = connect().await;
    let channel = broker.open_channel(&connection, 1).await;
    for number in 1..100 {
        sleep(INTERVAL / 4).await;
        channel.ack(number, false).unwrap();
        let frame = within(broker.frame()).await;
        assert!(matches!(frame, AMQPFrame::Method(1, _)), "{frame:?}");
        beat(&mut broker).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_is_silent_for_two_intervals_is_given_up() {
    let (connection, mut broker) = connect().await;
    let begun = Instant::now();
    let error = within(connection.closed()).await;
    assert!(matches!(error, Error::HeartbeatMissed(INTERVAL)), "{error:?}");
    assert!(error.to_string().contains("two heartbeat intervals of 10 s"), "{error}");
    let silent = begun.elapsed();
    assert!(silent >= INTERVAL * 2 && silent <= INTERVAL * 5 / 2, "{silent:?}");
    // The broker may be alive after all, and sees the end of the stream.
    while let Some(frame) = broker.next().await {
        assert_eq!(frame, AMQPFrame::Heartbeat);
    }
}

#[tokio::test(start_paused = true)]
async fn silence_counts_from_the_last_byte_of_any_kind() {
    let (connection, mut broker) = connect().await;
    // One byte of a frame at a time is as good as a heartbeat.
    for byte in frames::delivery(0, "t", 1, b"x").into_iter().take(20) {
        sleep(INTERVAL * 19 / 10).await;
        assert!(connection.is_open());
        broker.send(&[vec![byte]]).await;
    }
    let begun = Instant::now();
    within(connection.closed()).await;
    let silent = begun.elapsed();
    assert!(silent >= INTERVAL * 3 / 2 && silent <= INTERVAL * 5 / 2, "{silent:?}");
}

#[tokio::test(start_paused = true)]
async fn a_late_task_is_not_taken_for_silence_when_bytes_wait() {
    let (connection, mut broker) = connect().await;
    let begun = Instant::now();
    for round in 1..10 {
        // Woken at the end of the last half interval, together with the connection's task and in front of it: when that runs, the
        // time is over, but a byte is there.
        sleep_until(begun + INTERVAL * 2 * round).await;
        assert!(connection.is_open(), "given up in round {round}");
        beat(&mut broker).await;
    }
    // Had it come a moment later, it would have been too late.
    sleep_until(begun + INTERVAL * 2 * 10 + Duration::from_millis(1)).await;
    assert!(!connection.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_cannot_write_still_notices_that_the_broker_is_silent() {
    let (connection, mut broker) = connect().await;
    let channel = broker.open_channel(&connection, 1).await;
    let (properties, body) = (rpc_amqp::Properties::default(), vec![7; 300_000]);
    let message = crate::receivers::mandatory(&properties, &[]);
    channel.publish(&rpc_amqp::Publish { body: &[&body], ..message }).unwrap();
    let error = within(connection.closed()).await;
    assert!(matches!(error, Error::HeartbeatMissed(INTERVAL)), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn without_heartbeats_silence_means_nothing() {
    let (connection, tuned, mut broker) = connect_with(&options(), (0, 4096, 0)).await;
    assert_eq!(tuned.heartbeat, 0);
    let day = Duration::from_secs(24 * 3600);
    assert!(timeout(day, connection.closed()).await.is_err());
    assert!(connection.is_open());
    // The first thing that the broker reads is no heartbeat.
    let _channel = broker.open_channel(&connection, 1).await;
}

#[tokio::test(start_paused = true)]
async fn the_brokers_interval_is_used_where_this_program_has_none() {
    let (connection, tuned, _broker) = connect_with(&options(), (0, 4096, 7)).await;
    assert_eq!(tuned.heartbeat, 7);
    let error = within(connection.closed()).await;
    assert!(matches!(error, Error::HeartbeatMissed(it) if it.as_secs() == 7), "{error:?}");
}
