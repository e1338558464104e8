//! Consumers: deliveries, acknowledgements, and the end of their queue.

use rpc_amqp::{ConsumeOptions, ConsumerEnd};
use rpc_tests::support::poll::until;

use crate::broker::{Broker, declare, in_time};
use crate::messages::{Received, publish};

#[tokio::test]
async fn a_consumer_whose_queue_is_deleted_is_told_and_the_others_of_its_channel_go_on() {
    let broker = Broker::shared("deleted queue").await;
    let connection = broker.connect().await;
    let channel = in_time("a channel", connection.open_channel()).await.unwrap();
    let other = in_time("a channel", connection.open_channel()).await.unwrap();
    channel.confirm_select(100).await.unwrap();
    for queue in ["doomed", "kept"] {
        declare(&channel, queue).await.unwrap();
    }
    let mut doomed = Received::of(&channel, "doomed").await;
    let mut kept = Received::of(&channel, "kept").await;
    let confirm = publish(&channel, "doomed", b"last").unwrap();
    in_time("a confirm", confirm).await;
    assert_eq!(doomed.delivery().await.message.body(), "last");
    in_time("the deletion", other.queue_delete("doomed", false, false)).await.unwrap();
    assert!(matches!(doomed.end().await, ConsumerEnd::Cancelled));
    assert!(channel.is_open());
    in_time("a confirm", publish(&channel, "kept", b"next").unwrap()).await;
    assert_eq!(kept.delivery().await.message.body(), "next");
    // The tag is free again.
    declare(&channel, "doomed").await.unwrap();
    let mut again = Received::of(&channel, "doomed").await;
    in_time("a confirm", publish(&channel, "doomed", b"first").unwrap()).await;
    assert_eq!(again.delivery().await.message.body(), "first");
}

#[tokio::test]
async fn what_a_consumer_has_not_settled_comes_again_and_prefetch_limits_it() {
    let broker = Broker::shared("settled").await;
    let connection = broker.connect().await;
    let channel = in_time("a channel", connection.open_channel()).await.unwrap();
    declare(&channel, "q").await.unwrap();
    for body in [b"0", b"1", b"2", b"3", b"4"] {
        drop(publish(&channel, "q", body).unwrap());
    }
    in_time("the prefetch", channel.qos(3)).await.unwrap();
    let mut received = Received::of(&channel, "q").await;
    for tag in 1..=3 {
        assert_eq!(received.delivery().await.tag, tag);
    }
    // A round trip later nothing more has come.
    declare(&channel, "q").await.unwrap();
    assert!(received.now().is_none());
    channel.ack(2, true).unwrap();
    channel.nack(3, false, false).unwrap();
    for body in ["3", "4"] {
        let delivery = received.delivery().await;
        assert_eq!((&delivery.message.body()[..], delivery.redelivered), (body.as_bytes(), false));
    }
    in_time("the cancellation", channel.cancel("q")).await.unwrap();
    assert!(received.event().await.is_none(), "its own cancellation is not reported");
    channel.reject(4, true).unwrap();
    in_time("the close", channel.close(200, "goodbye")).await;
    until("both are back", async || broker.messages("q").await == 2).await;
    let channel = in_time("a channel", connection.open_channel()).await.unwrap();
    let mut received = Received::of(&channel, "q").await;
    for body in ["3", "4"] {
        let delivery = received.delivery().await;
        assert_eq!((&delivery.message.body()[..], delivery.redelivered), (body.as_bytes(), true));
    }
}

#[tokio::test]
async fn an_exclusive_consumer_keeps_others_out() {
    let broker = Broker::shared("exclusive").await;
    let connection = broker.connect().await;
    let channel = in_time("a channel", connection.open_channel()).await.unwrap();
    declare(&channel, "q").await.unwrap();
    let options = ConsumeOptions { exclusive: true, ..ConsumeOptions::default() };
    let (consumer, _received) = Received::new();
    in_time("a consumer", channel.consume("q", "one", &options, consumer)).await.unwrap();
    let other = in_time("a channel", connection.open_channel()).await.unwrap();
    let (consumer, mut received) = Received::new();
    let error = in_time("a consumer", other.consume("q", "two", &options, consumer)).await;
    let error = error.unwrap_err();
    assert_eq!(
        error.broker().map(|said| (said.code, said.class, said.method)),
        Some((403, 60, 20))
    );
    assert!(matches!(received.end().await, ConsumerEnd::Closed(_)));
    assert!(channel.is_open() && !other.is_open());
}
