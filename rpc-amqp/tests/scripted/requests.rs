//! Requests and their answers.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use amq_protocol::protocol::{basic, connection, exchange, queue};
use rpc_amqp::{Error, ExchangeDeclare, FieldTable, InvalidArgument, QueueDeclare};

use crate::broker::{connect, connect_channel, within};
use crate::frames;
use crate::receivers::Recorder;

fn queue_named<'a>(name: &'a str, arguments: &'a FieldTable) -> QueueDeclare<'a> {
    let (passive, durable, exclusive, auto_delete) = (false, true, false, false);
    QueueDeclare { name, passive, durable, exclusive, auto_delete, arguments }
}

/// Polls a future once, which must wait then, and drops it.
async fn send_and_drop<F: Future>(future: F) {
    let mut future = pin!(future);
    let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_ready())).await;
    assert!(!polled, "it did not wait");
}

#[tokio::test(start_paused = true)]
async fn every_request_about_exchanges_and_queues_gets_its_answer() {
    let (_connection, channel, mut broker) = connect_channel().await;
    let none = &FieldTable::new();
    let declare = ExchangeDeclare {
        name: "e",
        kind: "topic",
        passive: false,
        durable: true,
        auto_delete: false,
        arguments: none,
    };
    let answer = frames::exchange(1, exchange::AMQPMethod::DeclareOk(exchange::DeclareOk {}));
    broker.answer(channel.exchange_declare(&declare), answer).await.unwrap();
    let answer = frames::exchange(1, exchange::AMQPMethod::DeleteOk(exchange::DeleteOk {}));
    broker.answer(channel.exchange_delete("e", true), answer).await.unwrap();
    let declare = queue_named("q", none);
    let declared = channel.queue_declare(&declare);
    let declared = broker.answer(declared, frames::declare_ok(1, "amq.gen-1")).await.unwrap();
    assert_eq!(
        (declared.name.as_str(), declared.messages, declared.consumers),
        ("amq.gen-1", 3, 2)
    );
    let answer = frames::queue(1, queue::AMQPMethod::BindOk(queue::BindOk {}));
    broker.answer(channel.queue_bind("q", "e", "k", none), answer).await.unwrap();
    let answer = frames::queue(1, queue::AMQPMethod::UnbindOk(queue::UnbindOk {}));
    broker.answer(channel.queue_unbind("q", "e", "k", none), answer).await.unwrap();
    let answer = queue::AMQPMethod::DeleteOk(queue::DeleteOk { message_count: 9 });
    let deleted = channel.queue_delete("q", true, false);
    assert_eq!(broker.answer(deleted, frames::queue(1, answer)).await.unwrap(), 9);
    let answer = frames::basic(1, basic::AMQPMethod::QosOk(basic::QosOk {}));
    broker.answer(channel.qos(64), answer).await.unwrap();
    broker.select(&channel, 1, 10).await;
    let recorder = broker.consume(&channel, 1, "t").await;
    broker.answer(channel.cancel("t"), frames::cancel_ok(1, "t")).await.unwrap();
    recorder.silent_end().await;
}

#[tokio::test(start_paused = true)]
async fn requests_that_wait_together_get_their_answers_in_order() {
    let (_connection, channel, mut broker) = connect_channel().await;
    let none = &FieldTable::new();
    let (one, two) = (queue_named("1", none), queue_named("2", none));
    let requests = async {
        tokio::join!(
            channel.queue_declare(&one),
            channel.qos(1),
            channel.queue_declare(&two),
            channel.queue_delete("1", false, false),
        )
    };
    let script = async {
        for _ in 0..4 {
            let _ = broker.frame().await;
        }
        let qos_ok = frames::basic(1, basic::AMQPMethod::QosOk(basic::QosOk {}));
        let deleted = queue::AMQPMethod::DeleteOk(queue::DeleteOk { message_count: 5 });
        broker
            .send(&[
                frames::declare_ok(1, "1"),
                qos_ok,
                frames::declare_ok(1, "2"),
                frames::queue(1, deleted),
            ])
            .await;
    };
    let (answers, ()) = within(async { tokio::join!(requests, script) }).await;
    assert_eq!(answers.0.unwrap().name, "1");
    answers.1.unwrap();
    assert_eq!(answers.2.unwrap().name, "2");
    assert_eq!(answers.3.unwrap(), 5);
}

#[tokio::test(start_paused = true)]
async fn requests_of_two_channels_are_answered_in_any_order() {
    let (connection, one, mut broker) = connect_channel().await;
    let two = broker.open_channel(&connection, 2).await;
    let none = &FieldTable::new();
    let declare = queue_named("q", none);
    let requests = async { tokio::join!(one.queue_declare(&declare), two.queue_declare(&declare)) };
    let script = async {
        let _ = (broker.frame().await, broker.frame().await);
        broker.send(&[frames::declare_ok(2, "second"), frames::declare_ok(1, "first")]).await;
    };
    let ((first, second), ()) = within(async { tokio::join!(requests, script) }).await;
    assert_eq!((first.unwrap().name, second.unwrap().name), ("first".into(), "second".into()));
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_a_dropped_request_is_ignored_and_the_next_one_gets_its_own() {
    let (_connection, channel, mut broker) = connect_channel().await;
    let none = &FieldTable::new();
    let (one, two) = (queue_named("1", none), queue_named("2", none));
    send_and_drop(channel.queue_declare(&one)).await;
    send_and_drop(channel.qos(3)).await;
    let script = async {
        for _ in 0..3 {
            let _ = broker.frame().await;
        }
        let qos_ok = frames::basic(1, basic::AMQPMethod::QosOk(basic::QosOk {}));
        broker.send(&[frames::declare_ok(1, "1"), qos_ok, frames::declare_ok(1, "2")]).await;
    };
    let (declared, ()) = within(async { tokio::join!(channel.queue_declare(&two), script) }).await;
    assert_eq!(declared.unwrap().name, "2");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_opening_closes_the_channel_and_its_id_is_used_again() {
    let (connection, mut broker) = connect().await;
    send_and_drop(connection.open_channel()).await;
    let _ = broker.frame().await;
    let _ = broker.expect_channel_close(1).await;
    broker.send(&[frames::channel_open_ok(1), frames::channel_close_ok(1)]).await;
    broker.handled(&connection).await;
    let other = broker.open_channel(&connection, 1).await;
    broker.sync(1).await;
    assert!(other.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_wrong_answer_ends_the_connection_and_names_the_method() {
    let qos_ok = frames::basic(1, basic::AMQPMethod::QosOk(basic::QosOk {}));
    let get_empty = frames::basic(1, basic::AMQPMethod::GetEmpty(basic::GetEmpty {}));
    let update_ok = connection::AMQPMethod::UpdateSecretOk(connection::UpdateSecretOk {});
    let wrong = [
        (qos_ok, "QosOk"),
        (frames::channel_close_ok(1), "ChannelCloseOk"),
        (get_empty, "[0, 60, 0, 72]"),
        (frames::connection(update_ok), "UpdateSecretOk"),
        (frames::declare_ok(9, "q"), "QueueDeclareOk"),
        (frames::connection_close_ok(), "ConnectionCloseOk"),
        (frames::raw(1, 1, &[0, 50, 0]), "cut short"),
        (frames::raw(1, 1, &[0, 50, 0, 11, 9, b'q']), "cut short"),
    ];
    for (answer, name) in wrong {
        let (connection, channel, mut broker) = connect_channel().await;
        let none = FieldTable::new();
        let declare = queue_named("q", &none);
        let error = broker.answer(channel.queue_declare(&declare), answer).await.unwrap_err();
        assert!(matches!(error, Error::Protocol(_)), "{error:?} instead of {name}");
        assert!(error.to_string().contains(name), "{error}");
        assert_eq!(within(connection.closed()).await.to_string(), error.to_string());
        assert_eq!(within(channel.closed()).await.to_string(), error.to_string());
        assert!(!channel.is_open() && !connection.is_open());
        broker.expect_end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_waits_for_ends_the_connection() {
    let (connection, channel, mut broker) = connect_channel().await;
    broker.send(&[frames::declare_ok(1, "q")]).await;
    let error = within(connection.closed()).await;
    assert!(matches!(error, Error::Protocol(_)), "{error:?}");
    assert!(!channel.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_replaced_and_answered() {
    let (connection, mut broker) = connect().await;
    let script = async {
        let update =
            connection::UpdateSecret { new_secret: "tökén".into(), reason: "expiry".into() };
        broker.expect_connection(&connection::AMQPMethod::UpdateSecret(update)).await;
        let answer = connection::AMQPMethod::UpdateSecretOk(connection::UpdateSecretOk {});
        broker.send(&[frames::connection(answer)]).await;
    };
    let update = connection.update_secret("tökén", "expiry");
    let (updated, ()) = within(async { tokio::join!(update, script) }).await;
    updated.unwrap();
    assert!(connection.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_the_broker_refuses_closes_the_connection_with_its_reason() {
    let (connection, mut broker) = connect().await;
    let script = async {
        let _ = broker.frame().await;
        broker.send(&[frames::connection_close(530, "New secret was refused")]).await;
        broker.expect_close_ok().await;
    };
    let update = connection.update_secret("t", "expiry");
    let (updated, ()) = within(async { tokio::join!(update, script) }).await;
    assert_eq!(updated.unwrap_err().broker().map(|it| it.code), Some(530));
}

#[tokio::test(start_paused = true)]
async fn what_amqp_cannot_carry_is_refused_and_nothing_is_sent() {
    let (_connection, channel, mut broker) = connect_channel().await;
    let (long, none) = ("x".repeat(256), &FieldTable::new());
    let too_long = |error: Error| match error {
        Error::InvalidArgument(InvalidArgument::NameTooLong { what, bytes: 256 }) => what,
        other => panic!("{other:?}"),
    };
    let declare = queue_named(&long, none);
    assert_eq!(too_long(channel.queue_declare(&declare).await.unwrap_err()), "the queue");
    let bound = channel.queue_bind("q", &long, "k", none).await;
    assert_eq!(too_long(bound.unwrap_err()), "the exchange");
    let bound = channel.queue_unbind("q", "e", &long, none).await;
    assert_eq!(too_long(bound.unwrap_err()), "the binding key");
    assert_eq!(too_long(channel.cancel(&long).await.unwrap_err()), "the consumer tag");
    assert_eq!(too_long(channel.exchange_delete(&long, true).await.unwrap_err()), "the exchange");
    let deleted = channel.queue_delete(&long, true, true).await;
    assert_eq!(too_long(deleted.unwrap_err()), "the queue");
    // The first thing that the broker sees is the answer to its own question.
    broker.sync(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_consumer_tag_that_is_empty_or_in_use_is_refused_and_nothing_is_sent() {
    let (_connection, channel, mut broker) = connect_channel().await;
    let mut first = broker.consume(&channel, 1, "t").await;
    for tag in ["", "t"] {
        let (second, consumer) = Recorder::new();
        let error = channel.consume("q", tag, &Default::default(), consumer).await.unwrap_err();
        let expected = InvalidArgument::ConsumerTag;
        assert!(matches!(error, Error::InvalidArgument(it) if it == expected), "{error:?}");
        second.silent_end().await;
    }
    broker.send(&[frames::delivery(1, "t", 1, b"hello")]).await;
    assert_eq!(first.body().await, b"hello");
    broker.sync(1).await;
}

#[tokio::test(start_paused = true)]
async fn settling_writes_what_was_asked_for_and_waits_for_nothing() {
    let (_connection, channel, mut broker) = connect_channel().await;
    channel.ack(1, false).unwrap();
    channel.ack(u64::MAX, true).unwrap();
    channel.nack(2, true, true).unwrap();
    channel.nack(3, false, false).unwrap();
    channel.reject(4, true).unwrap();
    let ack =
        |delivery_tag, multiple| basic::AMQPMethod::Ack(basic::Ack { delivery_tag, multiple });
    let nack = |delivery_tag, multiple, requeue| {
        basic::AMQPMethod::Nack(basic::Nack { delivery_tag, multiple, requeue })
    };
    let reject = basic::AMQPMethod::Reject(basic::Reject { delivery_tag: 4, requeue: true });
    for expected in
        [ack(1, false), ack(u64::MAX, true), nack(2, true, true), nack(3, false, false), reject]
    {
        broker.expect_basic(1, expected).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_close_text_that_is_too_long_is_cut_between_characters() {
    let (connection, channel, mut broker) = connect_channel().await;
    // 255 is in the middle of a character of two bytes.
    let text = "ä".repeat(200);
    let closing = async {
        channel.close(406, &text).await;
        connection.close(200, &text).await.unwrap();
    };
    let script = async {
        let close = broker.expect_channel_close(1).await;
        broker.send(&[frames::channel_close_ok(1)]).await;
        (close.reply_text.to_string(), broker.confirm_close().await.reply_text.to_string())
    };
    let ((), (first, second)) = within(async { tokio::join!(closing, script) }).await;
    assert_eq!((first.as_str(), second.as_str()), (&text[..254], &text[..254]));
}

#[tokio::test(start_paused = true)]
async fn answers_about_consumers_may_come_behind_those_to_later_requests() {
    let (connection, channel, mut broker) = connect_channel().await;
    let _old = broker.consume(&channel, 1, "old").await;
    let none = &FieldTable::new();
    let declare = queue_named("q", none);
    let ((mut one, first), (mut two, second)) = (Recorder::new(), Recorder::new());
    let options = Default::default();
    let requests = async {
        tokio::join!(
            channel.consume("q", "one", &options, first),
            channel.cancel("old"),
            channel.consume("q", "two", &options, second),
            channel.queue_declare(&declare),
            channel.qos(1),
        )
    };
    let script = async {
        for _ in 0..5 {
            let _ = broker.frame().await;
        }
        let qos_ok = frames::basic(1, basic::AMQPMethod::QosOk(basic::QosOk {}));
        // In RabbitMQ the queues answer these, the channel answers the others.
        let consumers = [
            frames::consume_ok(1, "two"),
            frames::cancel_ok(1, "old"),
            frames::consume_ok(1, "one"),
            frames::delivery(1, "one", 1, b"1"),
            frames::delivery(1, "two", 2, b"2"),
        ];
        broker.send(&[frames::declare_ok(1, "q"), qos_ok]).await;
        broker.send(&consumers).await;
    };
    let (answers, ()) = within(async { tokio::join!(requests, script) }).await;
    answers.0.and(answers.1).and(answers.2).and(answers.4).unwrap();
    assert_eq!(answers.3.unwrap().name, "q");
    assert_eq!((one.body().await, two.body().await), (b"1".to_vec(), b"2".to_vec()));
    assert!(connection.is_open());
}

#[tokio::test(start_paused = true)]
async fn an_answer_about_another_consumer_ends_the_connection() {
    for answer in [frames::consume_ok(1, "other"), frames::cancel_ok(1, "t")] {
        let (connection, channel, mut broker) = connect_channel().await;
        let (_recorder, consumer) = Recorder::new();
        let options = Default::default();
        let consume = channel.consume("q", "t", &options, consumer);
        let error = broker.answer(consume, answer).await.unwrap_err();
        assert!(matches!(error, Error::Protocol(_)), "{error:?}");
        assert!(!connection.is_open());
    }
}
