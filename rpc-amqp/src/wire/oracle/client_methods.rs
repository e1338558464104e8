//! Methods of this client: `amq-protocol` reads what was written, to the same values.

use amq_protocol::frame::AMQPFrame;
use amq_protocol::protocol::{AMQPClass, basic, channel, confirm, connection, exchange, queue};
use amq_protocol::types::FieldTable as TheirTable;

use super::tables::{our_table, their_form};
use super::{seeded, short, text, their_frames};
use crate::wire::client_method::{
    ClientMethod, ConsumeOptions, ExchangeDeclare, QueueDeclare, client_properties, put,
};

/// Asserts that a method of ours is read as one of `amq-protocol`.
fn agrees(channel: u16, ours: &ClientMethod<'_>, theirs: AMQPClass) {
    let mut out = Vec::new();
    put(&mut out, channel, ours);
    assert_eq!(their_frames(&out), [AMQPFrame::Method(channel, theirs)], "{ours:?}");
}

#[test]
fn every_method_of_the_connection_is_read_by_the_oracle_as_it_was_written() {
    use connection::AMQPMethod as M;
    seeded(100, |rng| {
        let (a, b, code) = (short(rng), text(rng, 2000), rng.u16(..));
        let connection = |ours, theirs| agrees(0, &ours, AMQPClass::Connection(theirs));
        let (table, same) = our_table(rng, 2);
        connection(
            ClientMethod::StartOk { properties: &table, mechanism: &a, response: b.as_bytes() },
            M::StartOk(connection::StartOk {
                client_properties: same,
                mechanism: a.as_str().into(),
                response: b.as_str().into(),
                locale: "en_US".into(),
            }),
        );
        let (channel_max, frame_max, heartbeat) = (rng.u16(..), rng.u32(..), rng.u16(..));
        connection(
            ClientMethod::TuneOk { channel_max, frame_max, heartbeat },
            M::TuneOk(connection::TuneOk { channel_max, frame_max, heartbeat }),
        );
        let open = connection::Open { virtual_host: a.as_str().into() };
        connection(ClientMethod::Open { virtual_host: &a }, M::Open(open));
        let close = connection::Close {
            reply_code: code,
            reply_text: a.as_str().into(),
            class_id: 0,
            method_id: 0,
        };
        connection(ClientMethod::ConnectionClose { code, text: &a }, M::Close(close));
        connection(ClientMethod::ConnectionCloseOk, M::CloseOk(connection::CloseOk {}));
        let (new_secret, reason) = (b.as_str().into(), a.as_str().into());
        connection(
            ClientMethod::UpdateSecret { secret: &b, reason: &a },
            M::UpdateSecret(connection::UpdateSecret { new_secret, reason }),
        );
    });
}

#[test]
fn every_method_of_a_channel_is_read_by_the_oracle_as_it_was_written() {
    use channel::AMQPMethod as M;
    seeded(100, |rng| {
        let (a, code, id) = (short(rng), rng.u16(..), rng.u16(1..));
        let channel = |ours, theirs| agrees(id, &ours, AMQPClass::Channel(theirs));
        channel(ClientMethod::ChannelOpen, M::Open(channel::Open {}));
        let active = rng.bool();
        channel(ClientMethod::FlowOk { active }, M::FlowOk(channel::FlowOk { active }));
        let close = channel::Close {
            reply_code: code,
            reply_text: a.as_str().into(),
            class_id: 0,
            method_id: 0,
        };
        channel(ClientMethod::ChannelClose { code, text: &a }, M::Close(close));
        channel(ClientMethod::ChannelCloseOk, M::CloseOk(channel::CloseOk {}));
        let select = confirm::AMQPMethod::Select(confirm::Select { nowait: false });
        agrees(id, &ClientMethod::ConfirmSelect, AMQPClass::Confirm(select));
    });
}

#[test]
fn every_method_about_exchanges_is_read_by_the_oracle_as_it_was_written() {
    seeded(100, |rng| {
        let (a, b, id) = (short(rng), short(rng), rng.u16(1..));
        let (table, same) = our_table(rng, 2);
        let [passive, durable, auto_delete] = std::array::from_fn(|_| rng.bool());
        let exchange = |ours: &_, theirs| agrees(id, ours, AMQPClass::Exchange(theirs));
        let (name, kind, arguments) = (a.as_str(), b.as_str(), &table);
        let declare = ExchangeDeclare { name, kind, passive, durable, auto_delete, arguments };
        exchange(
            &ClientMethod::ExchangeDeclare(&declare),
            exchange::AMQPMethod::Declare(exchange::Declare {
                exchange: name.into(),
                kind: kind.into(),
                passive,
                durable,
                auto_delete,
                internal: false,
                nowait: false,
                arguments: same,
            }),
        );
        let if_unused = rng.bool();
        let theirs = exchange::Delete { exchange: name.into(), if_unused, nowait: false };
        exchange(
            &ClientMethod::ExchangeDelete { name, if_unused },
            exchange::AMQPMethod::Delete(theirs),
        );
    });
}

#[test]
fn every_method_about_queues_is_read_by_the_oracle_as_it_was_written() {
    seeded(100, |rng| {
        let (a, id) = (short(rng), rng.u16(1..));
        let (arguments, same) = our_table(rng, 2);
        let [passive, durable, exclusive, auto_delete] = std::array::from_fn(|_| rng.bool());
        let queue = |ours: &_, theirs| agrees(id, ours, AMQPClass::Queue(theirs));
        let (name, arguments) = (a.as_str(), &arguments);
        let declare = QueueDeclare { name, passive, durable, exclusive, auto_delete, arguments };
        queue(
            &ClientMethod::QueueDeclare(&declare),
            queue::AMQPMethod::Declare(queue::Declare {
                queue: name.into(),
                passive,
                durable,
                exclusive,
                auto_delete,
                nowait: false,
                arguments: same,
            }),
        );
        let (if_unused, if_empty) = (rng.bool(), rng.bool());
        let theirs = queue::Delete { queue: name.into(), if_unused, if_empty, nowait: false };
        queue(
            &ClientMethod::QueueDelete { name, if_unused, if_empty },
            queue::AMQPMethod::Delete(theirs),
        );
    });
}

#[test]
fn every_binding_is_read_by_the_oracle_as_it_was_written() {
    seeded(100, |rng| {
        let (a, b, c, id) = (short(rng), short(rng), short(rng), rng.u16(1..));
        let (table, same) = our_table(rng, 2);
        let queue = |ours, theirs| agrees(id, &ours, AMQPClass::Queue(theirs));
        queue(
            ClientMethod::QueueBind { queue: &a, exchange: &b, routing_key: &c, arguments: &table },
            queue::AMQPMethod::Bind(queue::Bind {
                queue: a.as_str().into(),
                exchange: b.as_str().into(),
                routing_key: c.as_str().into(),
                nowait: false,
                arguments: same.clone(),
            }),
        );
        queue(
            ClientMethod::QueueUnbind {
                queue: &a,
                exchange: &b,
                routing_key: &c,
                arguments: &table,
            },
            queue::AMQPMethod::Unbind(queue::Unbind {
                queue: a.as_str().into(),
                exchange: b.as_str().into(),
                routing_key: c.as_str().into(),
                arguments: same,
            }),
        );
    });
}

#[test]
fn every_method_around_messages_is_read_by_the_oracle_as_it_was_written() {
    use basic::AMQPMethod as M;
    seeded(100, |rng| {
        let (a, b, id, tag) = (short(rng), short(rng), rng.u16(1..), rng.u64(..));
        let [one, two] = std::array::from_fn(|_| rng.bool());
        let basic = |ours, theirs| agrees(id, &ours, AMQPClass::Basic(theirs));
        let prefetch = rng.u16(..);
        let qos = basic::Qos { prefetch_count: prefetch, global: false };
        basic(ClientMethod::Qos { prefetch }, M::Qos(qos));
        let (table, same) = our_table(rng, 2);
        let with_arguments = rng.bool();
        let arguments = with_arguments.then_some(&table);
        let options = &ConsumeOptions { no_ack: one, exclusive: two, arguments };
        basic(
            ClientMethod::Consume { queue: &a, tag: &b, options },
            M::Consume(basic::Consume {
                queue: a.as_str().into(),
                consumer_tag: b.as_str().into(),
                no_local: false,
                no_ack: one,
                exclusive: two,
                nowait: false,
                arguments: if with_arguments { same } else { TheirTable::default() },
            }),
        );
        let cancel = basic::Cancel { consumer_tag: a.as_str().into(), nowait: false };
        basic(ClientMethod::Cancel { tag: &a }, M::Cancel(cancel));
        basic(
            ClientMethod::Publish { exchange: &a, routing_key: &b, mandatory: one },
            M::Publish(basic::Publish {
                exchange: a.as_str().into(),
                routing_key: b.as_str().into(),
                mandatory: one,
                immediate: false,
            }),
        );
        let ack = basic::Ack { delivery_tag: tag, multiple: one };
        basic(ClientMethod::Ack { tag, multiple: one }, M::Ack(ack));
        let nack = basic::Nack { delivery_tag: tag, multiple: one, requeue: two };
        basic(ClientMethod::Nack { tag, multiple: one, requeue: two }, M::Nack(nack));
        let reject = basic::Reject { delivery_tag: tag, requeue: one };
        basic(ClientMethod::Reject { tag, requeue: one }, M::Reject(reject));
    });
}

#[test]
fn the_oracle_reads_how_this_client_introduces_itself() {
    let properties = their_form(&client_properties("näme"));
    let text = |name: &str| properties.inner()[name].as_long_string().unwrap().to_string();
    assert_eq!(text("connection_name"), "näme");
    assert_eq!((text("product"), text("platform")), ("rpc-amqp".into(), "Rust".into()));
    let capabilities = properties.inner()["capabilities"].as_field_table().unwrap();
    let names: Vec<_> = capabilities.into_iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "authentication_failure_close",
        "basic.nack",
        "connection.blocked",
        "consumer_cancel_notify",
        "publisher_confirms",
    ];
    assert_eq!(names, expected);
    assert!(capabilities.into_iter().all(|(_, value)| value.as_bool() == Some(true)));
}
