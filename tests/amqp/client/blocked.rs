//! Connections that a broker blocks, and new secrets.

use std::time::Duration;

use rpc_amqp::Outcome;
use tokio::time::timeout;

use crate::broker::{Broker, declare, in_time};
use crate::messages::{Received, publish};

/// How long nothing may happen until a test concludes that nothing will.
const QUIET_PERIOD: Duration = Duration::from_millis(300);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_memory_alarm_blocks_publishers_until_it_is_over_and_nobody_else() {
    let (broker, _turn) = Broker::alone("alarm").await;
    let (connection, consuming) = (broker.connect().await, broker.connect().await);
    let channel = in_time("a channel", connection.open_channel()).await.unwrap();
    in_time("confirms", channel.confirm_select(100)).await.unwrap();
    declare(&channel, "q").await.unwrap();
    let consumers = in_time("a channel", consuming.open_channel()).await.unwrap();
    in_time("a confirm", publish(&channel, "q", b"before").unwrap()).await;
    let mut blocked = connection.blocked();
    assert!(channel.is_ready() && !connection.is_blocked());

    broker.node.alarm(true).await.unwrap();
    // The broker blocks a connection when it publishes.
    let confirm = publish(&channel, "q", b"within").unwrap();
    let reason = in_time("the block", blocked.wait_for(Option::is_some)).await.unwrap().clone();
    assert!(reason.as_deref().is_some_and(|reason| reason.contains("memory")), "{reason:?}");
    assert!(connection.is_blocked() && connection.is_open() && !channel.is_ready());
    assert!(timeout(QUIET_PERIOD, channel.ready()).await.is_err(), "publishers wait");
    // What neither publishes nor shares a connection with a publisher is served.
    let mut received = Received::of(&consumers, "q").await;
    let delivery = received.delivery().await;
    assert_eq!(delivery.message.body(), "before");
    consumers.ack(delivery.tag, false).unwrap();
    assert!(!consuming.is_blocked() && consumers.is_ready());

    let ready = async {
        tokio::join!(channel.ready(), async { broker.node.alarm(false).await.unwrap() }).0
    };
    in_time("the publisher goes on", ready).await.unwrap();
    in_time("the end of the block", blocked.wait_for(Option::is_none)).await.unwrap();
    assert!(!connection.is_blocked());
    let outcome = in_time("a confirm", confirm).await;
    assert!(matches!(outcome, Outcome::Confirmed), "{outcome:?}");
    in_time("a confirm", publish(&channel, "q", b"after").unwrap()).await;
    for body in ["within", "after"] {
        assert_eq!(received.delivery().await.message.body(), body);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_connection_can_be_closed() {
    let (broker, _turn) = Broker::alone("closed while blocked").await;
    let connection = broker.connect().await;
    let channel = in_time("a channel", connection.open_channel()).await.unwrap();
    in_time("confirms", channel.confirm_select(100)).await.unwrap();
    broker.node.alarm(true).await.unwrap();
    drop(publish(&channel, "q", b"").unwrap());
    in_time("the block", connection.blocked().wait_for(Option::is_some)).await.unwrap();
    let confirm = publish(&channel, "q", b"").unwrap();
    // The broker reads neither, so the limit of the close ends the connection.
    in_time("the close", connection.close(200, "goodbye")).await.unwrap();
    broker.node.alarm(false).await.unwrap();
    let outcome = in_time("a confirm", confirm).await;
    assert!(matches!(outcome, Outcome::Lost(_)), "{outcome:?}");
    assert!(!channel.is_open() && in_time("the end", channel.ready()).await.is_err());
}

#[tokio::test]
async fn a_new_secret_is_taken_and_the_connection_goes_on() {
    let broker = Broker::shared("secret").await;
    let connection = broker.connect().await;
    let channel = in_time("a channel", connection.open_channel()).await.unwrap();
    in_time("confirms", channel.confirm_select(100)).await.unwrap();
    declare(&channel, "q").await.unwrap();
    let update = connection.update_secret("another token", "the old one expires");
    in_time("a new secret", update).await.unwrap();
    // Two at a time, beside other requests, one of them dropped.
    let update = |secret| connection.update_secret(secret, "again");
    drop(timeout(Duration::ZERO, update("dropped")).await);
    let (one, other, declared) =
        tokio::join!(update("one"), update("other"), declare(&channel, "q"));
    one.and(other).unwrap();
    declared.unwrap();
    let outcome = in_time("a confirm", publish(&channel, "q", b"").unwrap()).await;
    assert!(matches!(outcome, Outcome::Confirmed), "{outcome:?}");
}
