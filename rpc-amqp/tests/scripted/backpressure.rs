//! Back-pressure: a broker that reads slowly, blocks the connection, or stops a channel.

use std::sync::Arc;
use std::time::Duration;

use amq_protocol::protocol::channel;
use rpc_amqp::{Channel, Properties};

use crate::broker::{connect_channel, within};
use crate::frames;
use crate::receivers::mandatory;

const MIB: usize = 1024 * 1024;
/// What the stream between client and broker holds.
const STREAM: usize = 64 * 1024;

/// Asserts that a channel is not ready, and waits if asked.
async fn is_not_ready(channel: &Channel) {
    assert!(!channel.is_ready());
    let minute = Duration::from_secs(60);
    assert!(tokio::time::timeout(minute, channel.ready()).await.is_err(), "it did not wait");
}

#[tokio::test(start_paused = true)]
async fn publishers_wait_while_a_mebibyte_is_unwritten_and_go_on_below_the_half_of_it() {
    for size in [100, 8000, 60_000, 100_000] {
        let (connection, channel, mut broker) = connect_channel().await;
        let other = broker.open_channel(&connection, 2).await;
        let (properties, body) = (Properties::default(), vec![7; size]);
        let mut waits = 0;
        while channel.is_ready() {
            within(channel.ready()).await.unwrap();
            channel.publish(&mandatory(&properties, &[&body])).unwrap();
            waits += size;
            // Lets the client write what the stream takes.
            tokio::task::yield_now().await;
        }
        // Smaller messages have as many bytes again around them.
        assert!(waits > MIB / 2 && waits <= MIB + STREAM + size, "{waits} bytes wait");
        is_not_ready(&channel).await;
        assert!(!other.is_ready() && channel.is_open());
        // Requests are still sent, as they are few.
        channel.ack(1, false).unwrap();
        let mut left = waits;
        while !channel.is_ready() {
            left -= broker.published().await.bodies.concat().len();
            tokio::task::yield_now().await;
        }
        assert!(left <= MIB / 2 + STREAM + 2 * size, "{left} bytes left");
        within(other.ready()).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_publishers_that_wait_all_go_on_and_memory_is_bounded() {
    let (_connection, channel, mut broker) = connect_channel().await;
    let channel = Arc::new(channel);
    let tasks: Vec<_> = (0..1000_u32)
        .map(|number| {
            let channel = Arc::clone(&channel);
            tokio::spawn(async move {
                let properties = Properties::default();
                let mut body = vec![7; 10_000];
                body[..4].copy_from_slice(&number.to_be_bytes());
                channel.ready().await.unwrap();
                channel.publish(&mandatory(&properties, &[&body])).unwrap();
            })
        })
        .collect();
    let mut seen = Vec::new();
    while seen.len() < tasks.len() {
        let body = broker.published().await.bodies.concat();
        assert_eq!(body.len(), 10_000);
        seen.push(u32::from_be_bytes(*body.first_chunk().unwrap()));
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..1000).collect::<Vec<_>>());
    for task in tasks {
        within(task).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn small_and_large_messages_leave_in_the_order_of_their_publication() {
    let (_connection, channel, mut broker) = connect_channel().await;
    let properties = Properties::default();
    let sizes = [1, 65_000, 66_000, 3, 200_000, 200_001, 5, 64_000, 7];
    for size in sizes {
        channel.publish(&mandatory(&properties, &[&vec![1; size]])).unwrap();
    }
    channel.ack(9, false).unwrap();
    for size in sizes {
        assert_eq!(broker.published().await.bodies.concat().len(), size);
    }
}

#[tokio::test(start_paused = true)]
async fn a_blocked_connection_is_not_ready_until_it_is_unblocked() {
    let (connection, channel, mut broker) = connect_channel().await;
    let mut blocked = connection.blocked();
    assert!(!connection.is_blocked() && blocked.borrow().is_none());
    broker.send(&[frames::blocked("low on memory")]).await;
    within(blocked.changed()).await.unwrap();
    assert_eq!(blocked.borrow_and_update().as_deref(), Some("low on memory"));
    assert!(connection.is_blocked());
    is_not_ready(&channel).await;
    broker.send(&[frames::blocked("low on disk")]).await;
    within(blocked.changed()).await.unwrap();
    assert_eq!(blocked.borrow_and_update().as_deref(), Some("low on disk"));
    is_not_ready(&channel).await;
    // Who does not ask can publish all the same, and other work goes on.
    let properties = Properties::default();
    channel.publish(&mandatory(&properties, &[b"x"])).unwrap();
    assert_eq!(broker.published().await.bodies.concat(), b"x");
    let unblocked = [frames::unblocked()];
    let (ready, ()) =
        within(async { tokio::join!(channel.ready(), broker.send(&unblocked)) }).await;
    ready.unwrap();
    assert!(!connection.is_blocked() && channel.is_ready() && blocked.borrow().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_the_broker_stops_is_not_ready_until_it_goes_on() {
    let (connection, channel, mut broker) = connect_channel().await;
    let other = broker.open_channel(&connection, 2).await;
    let flow_ok = |active| channel::AMQPMethod::FlowOk(channel::FlowOk { active });
    broker.send(&[frames::flow(1, false)]).await;
    broker.expect_channel(1, &flow_ok(false)).await;
    is_not_ready(&channel).await;
    assert!(other.is_ready() && channel.is_open());
    let go_on = [frames::flow(1, true)];
    let (ready, ()) = within(async { tokio::join!(channel.ready(), broker.send(&go_on)) }).await;
    ready.unwrap();
    broker.expect_channel(1, &flow_ok(true)).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_to_publish_is_told_that_the_connection_is_closed() {
    let (connection, channel, mut broker) = connect_channel().await;
    let mut blocked = connection.blocked();
    broker.send(&[frames::blocked("low on memory")]).await;
    within(blocked.changed()).await.unwrap();
    let close = [frames::connection_close(320, "shutdown")];
    let (ready, ()) = within(async { tokio::join!(channel.ready(), broker.send(&close)) }).await;
    assert_eq!(ready.unwrap_err().broker().map(|it| it.code), Some(320));
    assert!(!connection.is_open());
}
