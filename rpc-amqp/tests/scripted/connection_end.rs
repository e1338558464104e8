//! Connections that end without a word.

use std::io;

use rpc_amqp::{Channel, ConfirmFuture, Connection, ConsumerEnd, Error, Outcome, Properties};

use crate::broker::{Broker, connect_channel, within};
use crate::frames;
use crate::receivers::{Recorder, mandatory};

/// What waits on a connection.
struct Waiting {
    connection: Connection,
    channel: Channel,
    deliveries: Recorder,
    confirm: ConfirmFuture,
    broker: Broker,
}

async fn waiting() -> Waiting {
    let (connection, channel, mut broker) = connect_channel().await;
    let deliveries = broker.consume(&channel, 1, "t").await;
    broker.select(&channel, 1, 1).await;
    let properties = Properties::default();
    let confirm = channel.publish_confirmed(&mandatory(&properties, &[b"x"])).unwrap();
    let _ = broker.published().await;
    Waiting { connection, channel, deliveries, confirm, broker }
}

/// Asserts that everybody is told the same, for which `check` looks.
async fn all_are_told(
    Waiting { connection, channel, deliveries, confirm, .. }: Waiting,
    check: impl Fn(&Error) -> bool,
) {
    let is = |error: Error| assert!(check(&error), "{error:?}");
    match within(confirm).await {
        Outcome::Lost(error) => is(error),
        other => panic!("{other:?}"),
    }
    match deliveries.end().await {
        ConsumerEnd::Closed(error) => is(error),
        other => panic!("{other:?}"),
    }
    is(within(connection.closed()).await);
    is(within(channel.closed()).await);
    is(within(channel.ready()).await.unwrap_err());
    is(within(channel.qos(1)).await.unwrap_err());
    is(within(connection.open_channel()).await.unwrap_err());
    is(within(connection.update_secret("a", "b")).await.unwrap_err());
    is(channel.ack(1, true).unwrap_err());
    let properties = Properties::default();
    is(channel.publish(&mandatory(&properties, &[b"x"])).unwrap_err());
    assert!(!connection.is_open() && !channel.is_open() && !channel.is_ready());
    within(channel.close(200, "too late")).await;
}

fn is_end_of_stream(error: &Error) -> bool {
    matches!(error, Error::Io(it) if it.kind() == io::ErrorKind::UnexpectedEof)
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_stream_is_told_to_everybody() {
    let mut waiting = waiting().await;
    // The broker's end is gone.
    waiting.broker = crate::broker::stream(1).1;
    all_are_told(waiting, is_end_of_stream).await;
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_stream_within_a_frame_is_told_to_everybody() {
    let delivery = frames::delivery(1, "t", 1, b"never complete");
    for length in 1..delivery.len() {
        let mut waiting = waiting().await;
        waiting.broker.send(&[delivery[..length].to_vec()]).await;
        waiting.broker = crate::broker::stream(1).1;
        all_are_told(waiting, is_end_of_stream).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_abort_is_told_to_everybody_and_not_to_the_broker() {
    let mut waiting = waiting().await;
    waiting.connection.abort();
    assert!(!waiting.connection.is_open());
    waiting.broker.expect_end().await;
    waiting.connection.abort();
    assert!(waiting.connection.close(200, "too late").await.is_ok());
    all_are_told(waiting, |error| matches!(error, Error::Closed)).await;
}

#[tokio::test(start_paused = true)]
async fn an_abort_does_not_wait_for_a_broker_that_reads_nothing() {
    let waiting = waiting().await;
    let (properties, body) = (Properties::default(), vec![7; 300_000]);
    for _ in 0..3 {
        waiting.channel.publish(&mandatory(&properties, &[&body])).unwrap();
    }
    tokio::task::yield_now().await;
    let begun = tokio::time::Instant::now();
    waiting.connection.abort();
    within(waiting.connection.closed()).await;
    assert_eq!(begun.elapsed().as_millis(), 0);
    all_are_told(waiting, |error| matches!(error, Error::Closed)).await;
}

#[tokio::test(start_paused = true)]
async fn an_abort_during_a_close_ends_it() {
    let (connection, _channel, mut broker) = connect_channel().await;
    let close = connection.close(200, "goodbye");
    let script = async {
        let _ = broker.connection_method().await;
        connection.abort();
        broker.expect_end().await;
    };
    let (closed, ()) = within(async { tokio::join!(close, script) }).await;
    closed.unwrap();
}

#[test]
fn a_runtime_that_is_shut_down_ends_the_connection_for_those_outside() {
    let paused = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().start_paused(true).build().unwrap()
    };
    let (inner, outer) = (paused(), paused());
    let waiting = inner.block_on(waiting());
    assert!(waiting.connection.is_open());
    drop(inner);
    outer.block_on(all_are_told(waiting, |error| matches!(error, Error::Closed)));
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_panics_ends_the_connection_and_everybody_is_told() {
    struct Panicking;
    impl rpc_amqp::Consumer for Panicking {
        fn on_delivery(&self, _: rpc_amqp::Delivery) {
            panic!("expected by this test");
        }
        fn on_end(&self, _: ConsumerEnd) {}
    }
    let mut waiting = waiting().await;
    let options = Default::default();
    let consume = waiting.channel.consume("q", "u", &options, std::sync::Arc::new(Panicking));
    waiting.broker.answer(consume, frames::consume_ok(1, "u")).await.unwrap();
    waiting.broker.send(&[frames::delivery(1, "u", 1, b"x")]).await;
    all_are_told(waiting, |error| matches!(error, Error::Closed)).await;
}

#[tokio::test(start_paused = true)]
async fn a_wrong_answer_is_the_error_of_its_request_even_if_the_broker_reads_nothing() {
    let Waiting { connection, channel, mut broker, .. } = waiting().await;
    let (properties, body) = (Properties::default(), vec![7; 300_000]);
    let request = async {
        let mut request = Box::pin(channel.qos(1));
        let sent = std::future::poll_fn(|cx| std::task::Poll::Ready(request.as_mut().poll(cx)));
        assert!(sent.await.is_pending());
        channel.publish(&mandatory(&properties, &[&body])).unwrap();
        request.await
    };
    let script = async {
        let _ = broker.frame().await;
        broker.send(&[frames::declare_ok(1, "q")]).await;
    };
    let (answer, ()) = within(async { tokio::join!(request, script) }).await;
    let error = answer.unwrap_err();
    assert!(matches!(error, Error::Protocol(_)), "{error:?}");
    assert!(matches!(within(connection.closed()).await, Error::Protocol(_)));
}
