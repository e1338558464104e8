//! Methods of the broker: what `amq-protocol` writes is read to the same values.

use amq_protocol::frame::AMQPFrame;
use amq_protocol::protocol::{AMQPClass, access, basic, channel, confirm, connection, exchange};
use amq_protocol::protocol::{queue, tx};

use super::{seeded, short, text, their_bytes, their_table};
use crate::wire::frame::{self, Kind};
use crate::wire::server_method::{self, Close, Deliver, ServerMethod};
use crate::wire::text::Text;

fn t(text: &str) -> Text<'_> {
    Text::new(text.as_bytes())
}

/// Asserts that a method of `amq-protocol` is read as one of ours.
fn agrees(channel: u16, theirs: AMQPClass, ours: ServerMethod<'_>) {
    let bytes = their_bytes(&AMQPFrame::Method(channel, theirs));
    let frame = frame::read(&bytes, bytes.len()).unwrap();
    assert_eq!((frame.kind, frame.channel, frame.len()), (Kind::Method, channel, bytes.len()));
    assert_eq!(server_method::read(frame.payload), Ok(ours));
}

#[test]
fn every_method_of_the_connection_is_read_as_the_oracle_wrote_it() {
    use connection::AMQPMethod as M;
    seeded(100, |rng| {
        let (a, n) = (short(rng), rng.u16(..));
        let connection = |theirs, ours| agrees(0, AMQPClass::Connection(theirs), ours);
        let mechanisms = text(rng, 2000);
        let start = connection::Start {
            version_major: 0,
            version_minor: 9,
            server_properties: their_table(rng, 2),
            mechanisms: mechanisms.as_str().into(),
            locales: text(rng, 600).into(),
        };
        connection(M::Start(start), ServerMethod::Start { mechanisms: t(&mechanisms) });
        let challenge = text(rng, 600).into();
        connection(M::Secure(connection::Secure { challenge }), ServerMethod::Secure);
        let (channel_max, frame_max, heartbeat) = (rng.u16(..), rng.u32(..), rng.u16(..));
        connection(
            M::Tune(connection::Tune { channel_max, frame_max, heartbeat }),
            ServerMethod::Tune { channel_max, frame_max, heartbeat },
        );
        connection(M::OpenOk(connection::OpenOk {}), ServerMethod::OpenOk);
        let (class, method) = (rng.u16(..), rng.u16(..));
        let theirs = connection::Close {
            reply_code: n,
            reply_text: a.as_str().into(),
            class_id: class,
            method_id: method,
        };
        let ours = Close { code: n, text: t(&a), class, method };
        connection(M::Close(theirs), ServerMethod::ConnectionClose(ours));
        connection(M::CloseOk(connection::CloseOk {}), ServerMethod::ConnectionCloseOk);
        let reason = a.as_str().into();
        let blocked = M::Blocked(connection::Blocked { reason });
        connection(blocked, ServerMethod::Blocked { reason: t(&a) });
        connection(M::Unblocked(connection::Unblocked {}), ServerMethod::Unblocked);
        let updated = M::UpdateSecretOk(connection::UpdateSecretOk {});
        connection(updated, ServerMethod::UpdateSecretOk);
    });
}

#[test]
fn every_answer_to_a_request_is_read_as_the_oracle_wrote_it() {
    seeded(100, |rng| {
        let (a, n, m, id) = (short(rng), rng.u32(..), rng.u32(..), rng.u16(1..));
        let channel = |theirs, ours| agrees(id, AMQPClass::Channel(theirs), ours);
        channel(channel::AMQPMethod::OpenOk(channel::OpenOk {}), ServerMethod::ChannelOpenOk);
        let active = rng.bool();
        let flow = channel::AMQPMethod::Flow(channel::Flow { active });
        channel(flow, ServerMethod::Flow { active });
        let (code, class, method) = (rng.u16(..), rng.u16(..), rng.u16(..));
        let theirs = channel::Close {
            reply_code: code,
            reply_text: a.as_str().into(),
            class_id: class,
            method_id: method,
        };
        let ours = Close { code, text: t(&a), class, method };
        channel(channel::AMQPMethod::Close(theirs), ServerMethod::ChannelClose(ours));
        channel(channel::AMQPMethod::CloseOk(channel::CloseOk {}), ServerMethod::ChannelCloseOk);

        let exchange = |theirs, ours| agrees(id, AMQPClass::Exchange(theirs), ours);
        let declared = exchange::AMQPMethod::DeclareOk(exchange::DeclareOk {});
        exchange(declared, ServerMethod::ExchangeDeclareOk);
        let deleted = exchange::AMQPMethod::DeleteOk(exchange::DeleteOk {});
        exchange(deleted, ServerMethod::ExchangeDeleteOk);

        let queue = |theirs, ours| agrees(id, AMQPClass::Queue(theirs), ours);
        let name = a.as_str().into();
        let declared = queue::DeclareOk { queue: name, message_count: n, consumer_count: m };
        queue(
            queue::AMQPMethod::DeclareOk(declared),
            ServerMethod::QueueDeclareOk { name: t(&a), messages: n, consumers: m },
        );
        queue(queue::AMQPMethod::BindOk(queue::BindOk {}), ServerMethod::QueueBindOk);
        queue(queue::AMQPMethod::UnbindOk(queue::UnbindOk {}), ServerMethod::QueueUnbindOk);
        queue(
            queue::AMQPMethod::DeleteOk(queue::DeleteOk { message_count: n }),
            ServerMethod::QueueDeleteOk { messages: n },
        );
        let selected = confirm::AMQPMethod::SelectOk(confirm::SelectOk {});
        agrees(id, AMQPClass::Confirm(selected), ServerMethod::SelectOk);
    });
}

#[test]
fn every_method_around_messages_is_read_as_the_oracle_wrote_it() {
    use basic::AMQPMethod as M;
    seeded(100, |rng| {
        let (a, b, c, id) = (short(rng), short(rng), short(rng), rng.u16(1..));
        let basic = |theirs, ours| agrees(id, AMQPClass::Basic(theirs), ours);
        let tag = || a.as_str().into();
        basic(M::QosOk(basic::QosOk {}), ServerMethod::QosOk);
        basic(
            M::ConsumeOk(basic::ConsumeOk { consumer_tag: tag() }),
            ServerMethod::ConsumeOk { tag: t(&a) },
        );
        let nowait = rng.bool();
        basic(
            M::Cancel(basic::Cancel { consumer_tag: tag(), nowait }),
            ServerMethod::Cancel { tag: t(&a) },
        );
        let cancelled = basic::CancelOk { consumer_tag: tag() };
        basic(M::CancelOk(cancelled), ServerMethod::CancelOk { tag: t(&a) });
        let code = rng.u16(..);
        let theirs = basic::Return {
            reply_code: code,
            reply_text: a.as_str().into(),
            exchange: b.as_str().into(),
            routing_key: c.as_str().into(),
        };
        let ours = ServerMethod::Return { code, text: t(&a), exchange: t(&b), routing_key: t(&c) };
        basic(M::Return(theirs), ours);
        let (number, redelivered) = (rng.u64(..), rng.bool());
        let theirs = basic::Deliver {
            consumer_tag: tag(),
            delivery_tag: number,
            redelivered,
            exchange: b.as_str().into(),
            routing_key: c.as_str().into(),
        };
        let (exchange, routing_key) = (t(&b), t(&c));
        let ours = Deliver { consumer: t(&a), tag: number, redelivered, exchange, routing_key };
        basic(M::Deliver(theirs), ServerMethod::Deliver(ours));
        let multiple = rng.bool();
        basic(
            M::Ack(basic::Ack { delivery_tag: number, multiple }),
            ServerMethod::Ack { tag: number, multiple },
        );
        let requeue = rng.bool();
        basic(
            M::Nack(basic::Nack { delivery_tag: number, multiple, requeue }),
            ServerMethod::Nack { tag: number, multiple },
        );
    });
}

#[test]
fn methods_that_this_client_never_asks_for_are_refused() {
    let get_ok = basic::GetOk {
        delivery_tag: 1,
        redelivered: false,
        exchange: "".into(),
        routing_key: "".into(),
        message_count: 0,
    };
    let unknown = [
        AMQPClass::Basic(basic::AMQPMethod::GetOk(get_ok)),
        AMQPClass::Basic(basic::AMQPMethod::GetEmpty(basic::GetEmpty {})),
        AMQPClass::Basic(basic::AMQPMethod::RecoverOk(basic::RecoverOk {})),
        AMQPClass::Exchange(exchange::AMQPMethod::BindOk(exchange::BindOk {})),
        AMQPClass::Queue(queue::AMQPMethod::PurgeOk(queue::PurgeOk { message_count: 1 })),
        AMQPClass::Tx(tx::AMQPMethod::SelectOk(tx::SelectOk {})),
        AMQPClass::Access(access::AMQPMethod::RequestOk(access::RequestOk {})),
    ];
    for method in unknown {
        let text = format!("{method:?}");
        let bytes = their_bytes(&AMQPFrame::Method(1, method));
        let frame = frame::read(&bytes, bytes.len()).unwrap();
        assert!(server_method::read(frame.payload).is_err(), "{text}");
    }
}
