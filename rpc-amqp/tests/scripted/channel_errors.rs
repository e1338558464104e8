//! Channels that the broker closes over an error.

use amq_protocol::protocol::BasicProperties;
use rpc_amqp::{Channel, ConsumerEnd, Error, FieldTable, Properties, QueueDeclare};

use crate::broker::{connect_channel, within};
use crate::frames;
use crate::receivers::{Outcomes, Recorder, mandatory};

fn is_404(error: &Error) {
    let said = error.broker().unwrap_or_else(|| panic!("{error:?}"));
    assert_eq!(
        (said.code, said.text.as_str(), said.class, said.method),
        (404, "NOT_FOUND", 50, 10)
    );
    assert!(!said.closes_connection && error.is_channel_error());
    let text = "the broker closed the channel: 404 NOT_FOUND (method 50.10)";
    assert_eq!(error.to_string(), text);
}

/// Asserts that nothing works on a closed channel, and that everything says why.
async fn is_closed(channel: &Channel) {
    assert!(!channel.is_open() && !channel.is_ready());
    is_404(&within(channel.closed()).await);
    is_404(&channel.qos(1).await.unwrap_err());
    is_404(&channel.ready().await.unwrap_err());
    is_404(&channel.ack(1, false).unwrap_err());
    is_404(&channel.confirm_select(1).await.unwrap_err());
    let properties = Properties::default();
    is_404(&channel.publish(&mandatory(&properties, &[b"x"])).unwrap_err());
    let (recorder, consumer) = Recorder::new();
    is_404(&channel.consume("q", "u", &Default::default(), consumer).await.unwrap_err());
    recorder.silent_end().await;
}

#[tokio::test(start_paused = true)]
async fn an_error_of_a_request_fails_all_that_wait_and_nothing_on_other_channels() {
    let (connection, channel, mut broker) = connect_channel().await;
    let other = broker.open_channel(&connection, 2).await;
    broker.select(&channel, 1, 10).await;
    let deliveries = broker.consume(&channel, 1, "t").await;
    let mut others = broker.consume(&other, 2, "t").await;
    let (mut outcomes, properties) = (Outcomes::new(), Properties::default());
    let message = mandatory(&properties, &[b"x"]);
    channel.publish_with_handler(&message, outcomes.handler.clone(), 1).unwrap();
    let arguments = &FieldTable::new();
    let (passive, durable, exclusive, auto_delete) = (true, false, false, false);
    let missing =
        QueueDeclare { name: "missing", passive, durable, exclusive, auto_delete, arguments };
    let requests = async { tokio::join!(channel.queue_declare(&missing), channel.qos(1)) };
    let script = async {
        let _ = broker.published().await;
        let _ = (broker.frame().await, broker.frame().await);
        broker
            .send(&[
                frames::channel_close(1, 404, "NOT_FOUND"),
                frames::delivery(2, "t", 1, b"unharmed"),
            ])
            .await;
        broker.expect_channel_close_ok(1).await;
    };
    let ((declared, limited), ()) = within(async { tokio::join!(requests, script) }).await;
    is_404(&declared.unwrap_err());
    is_404(&limited.unwrap_err());
    match deliveries.end().await {
        ConsumerEnd::Closed(error) => is_404(&error),
        other => panic!("{other:?}"),
    }
    let lost = "lost: the broker closed the channel: 404 NOT_FOUND (method 50.10)";
    assert_eq!(outcomes.take(1).await, [(1, lost.to_owned())]);
    is_closed(&channel).await;
    assert!(connection.is_open() && other.is_open());
    assert_eq!(others.body().await, b"unharmed");
    // Nothing that was refused here has been sent, and dropping the handle says nothing more.
    drop(channel);
    broker.sync(2).await;
}

#[tokio::test(start_paused = true)]
async fn an_error_of_a_consume_fails_it_and_ends_its_consumer() {
    let (connection, channel, mut broker) = connect_channel().await;
    let (recorder, consumer) = Recorder::new();
    let options = Default::default();
    let consume = channel.consume("missing", "t", &options, consumer);
    let error = broker.answer(consume, frames::channel_close(1, 404, "NOT_FOUND")).await;
    is_404(&error.unwrap_err());
    assert!(matches!(recorder.end().await, ConsumerEnd::Closed(error) if error.is_channel_error()));
    is_closed(&channel).await;
    broker.expect_channel_close_ok(1).await;
    assert!(connection.is_open());
}

#[tokio::test(start_paused = true)]
async fn an_error_of_a_publish_is_the_outcome_of_the_message_and_of_those_behind_it() {
    let (_connection, channel, mut broker) = connect_channel().await;
    broker.select(&channel, 1, 10).await;
    let properties = Properties::default();
    let message = mandatory(&properties, &[b"x"]);
    let futures: Vec<_> = (0..3).map(|_| channel.publish_confirmed(&message).unwrap()).collect();
    let _ = broker.published().await;
    broker.send(&[frames::channel_close(1, 404, "NOT_FOUND")]).await;
    for future in futures {
        match within(future).await {
            rpc_amqp::Outcome::Lost(error) => is_404(&error),
            other => panic!("{other:?}"),
        }
    }
    is_closed(&channel).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_to_publish_is_told_that_the_channel_is_closed() {
    let (_connection, channel, mut broker) = connect_channel().await;
    broker.select(&channel, 1, 1).await;
    let properties = Properties::default();
    channel.publish(&mandatory(&properties, &[b"x"])).unwrap();
    let _ = broker.published().await;
    let close = [frames::channel_close(1, 404, "NOT_FOUND")];
    let (ready, ()) = within(async { tokio::join!(channel.ready(), broker.send(&close)) }).await;
    is_404(&ready.unwrap_err());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_half_way_is_given_up_and_the_next_channel_of_the_id_starts_afresh() {
    let (connection, channel, mut broker) = connect_channel().await;
    let deliveries = broker.consume(&channel, 1, "t").await;
    let header = frames::header(1, 8, &BasicProperties::default());
    let beginnings = [
        vec![frames::deliver(1, "t", 1)],
        vec![frames::deliver(1, "t", 1), header.clone()],
        vec![frames::deliver(1, "t", 1), header, frames::body(1, b"half")],
    ];
    let (mut channel, mut deliveries) = (channel, deliveries);
    for beginning in beginnings {
        broker.send(&beginning).await;
        broker.send(&[frames::channel_close(1, 404, "NOT_FOUND")]).await;
        assert!(matches!(deliveries.end().await, ConsumerEnd::Closed(_)));
        broker.expect_channel_close_ok(1).await;
        channel = broker.open_channel(&connection, 1).await;
        deliveries = broker.consume(&channel, 1, "t").await;
        broker.send(&[frames::delivery(1, "t", 1, b"whole")]).await;
        assert_eq!(deliveries.body().await, b"whole");
    }
    drop(channel);
}

#[tokio::test(start_paused = true)]
async fn a_reason_that_is_not_utf_8_is_reported_lossily() {
    let (_connection, channel, mut broker) = connect_channel().await;
    let close = b"\0\x14\0\x28\x01\x93\x04no\xff\xfe\0\x3c\0\x28";
    broker.send(&[frames::raw(1, 1, close)]).await;
    let error = within(channel.closed()).await;
    let said = error.broker().unwrap();
    assert_eq!((said.code, said.text.as_str()), (403, "no\u{fffd}\u{fffd}"));
    assert_eq!((said.class, said.method), (60, 40));
}
