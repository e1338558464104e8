//! The frames of a broker.

use amq_protocol::frame::{AMQPContentHeader, AMQPFrame, WriteContext, gen_frame};
use amq_protocol::protocol::{AMQPClass, BasicProperties, basic, channel, confirm, connection};
use amq_protocol::protocol::{exchange, queue};

pub(crate) fn bytes(frame: &AMQPFrame) -> Vec<u8> {
    gen_frame(frame)(WriteContext::from(Vec::new())).unwrap().into_inner().0
}

/// Returns a frame of any kind and payload, however wrong.
pub(crate) fn raw(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend_from_slice(&channel.to_be_bytes());
    bytes.extend_from_slice(&(payload.len() as u32).to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes.push(0xce);
    bytes
}

pub(crate) fn heartbeat() -> Vec<u8> {
    bytes(&AMQPFrame::Heartbeat)
}

fn method(channel: u16, method: AMQPClass) -> Vec<u8> {
    bytes(&AMQPFrame::Method(channel, method))
}

pub(crate) fn connection(it: connection::AMQPMethod) -> Vec<u8> {
    method(0, AMQPClass::Connection(it))
}

pub(crate) fn start(mechanisms: &str) -> Vec<u8> {
    connection(connection::AMQPMethod::Start(connection::Start {
        version_major: 0,
        version_minor: 9,
        server_properties: Default::default(),
        mechanisms: mechanisms.into(),
        locales: "en_US".into(),
    }))
}

pub(crate) fn tune(channel_max: u16, frame_max: u32, heartbeat: u16) -> Vec<u8> {
    connection(connection::AMQPMethod::Tune(connection::Tune { channel_max, frame_max, heartbeat }))
}

pub(crate) fn open_ok() -> Vec<u8> {
    connection(connection::AMQPMethod::OpenOk(connection::OpenOk {}))
}

pub(crate) fn connection_close(code: u16, text: &str) -> Vec<u8> {
    connection(connection::AMQPMethod::Close(connection::Close {
        reply_code: code,
        reply_text: text.into(),
        class_id: 0,
        method_id: 0,
    }))
}

pub(crate) fn connection_close_ok() -> Vec<u8> {
    connection(connection::AMQPMethod::CloseOk(connection::CloseOk {}))
}

pub(crate) fn blocked(reason: &str) -> Vec<u8> {
    connection(connection::AMQPMethod::Blocked(connection::Blocked { reason: reason.into() }))
}

pub(crate) fn unblocked() -> Vec<u8> {
    connection(connection::AMQPMethod::Unblocked(connection::Unblocked {}))
}

pub(crate) fn channel(id: u16, it: channel::AMQPMethod) -> Vec<u8> {
    method(id, AMQPClass::Channel(it))
}

pub(crate) fn channel_open_ok(id: u16) -> Vec<u8> {
    channel(id, channel::AMQPMethod::OpenOk(channel::OpenOk {}))
}

/// Returns the close of a channel over a declaration of a queue.
pub(crate) fn channel_close(id: u16, code: u16, text: &str) -> Vec<u8> {
    channel_close_over(id, code, text, (50, 10))
}

/// Returns the close of a channel over a message.
pub(crate) fn close_over_publish(id: u16, code: u16, text: &str) -> Vec<u8> {
    channel_close_over(id, code, text, (60, 40))
}

fn channel_close_over(id: u16, code: u16, text: &str, (class, method): (u16, u16)) -> Vec<u8> {
    channel(
        id,
        channel::AMQPMethod::Close(channel::Close {
            reply_code: code,
            reply_text: text.into(),
            class_id: class,
            method_id: method,
        }),
    )
}

pub(crate) fn channel_close_ok(id: u16) -> Vec<u8> {
    channel(id, channel::AMQPMethod::CloseOk(channel::CloseOk {}))
}

pub(crate) fn flow(id: u16, active: bool) -> Vec<u8> {
    channel(id, channel::AMQPMethod::Flow(channel::Flow { active }))
}

pub(crate) fn select_ok(id: u16) -> Vec<u8> {
    method(id, AMQPClass::Confirm(confirm::AMQPMethod::SelectOk(confirm::SelectOk {})))
}

pub(crate) fn exchange(id: u16, it: exchange::AMQPMethod) -> Vec<u8> {
    method(id, AMQPClass::Exchange(it))
}

pub(crate) fn queue(id: u16, it: queue::AMQPMethod) -> Vec<u8> {
    method(id, AMQPClass::Queue(it))
}

pub(crate) fn declare_ok(id: u16, name: &str) -> Vec<u8> {
    queue(
        id,
        queue::AMQPMethod::DeclareOk(queue::DeclareOk {
            queue: name.into(),
            message_count: 3,
            consumer_count: 2,
        }),
    )
}

pub(crate) fn basic(id: u16, it: basic::AMQPMethod) -> Vec<u8> {
    method(id, AMQPClass::Basic(it))
}

pub(crate) fn consume_ok(id: u16, tag: &str) -> Vec<u8> {
    basic(id, basic::AMQPMethod::ConsumeOk(basic::ConsumeOk { consumer_tag: tag.into() }))
}

pub(crate) fn cancel(id: u16, tag: &str) -> Vec<u8> {
    let cancel = basic::Cancel { consumer_tag: tag.into(), nowait: true };
    basic(id, basic::AMQPMethod::Cancel(cancel))
}

pub(crate) fn cancel_ok(id: u16, tag: &str) -> Vec<u8> {
    basic(id, basic::AMQPMethod::CancelOk(basic::CancelOk { consumer_tag: tag.into() }))
}

pub(crate) fn ack(id: u16, number: u64, multiple: bool) -> Vec<u8> {
    basic(id, basic::AMQPMethod::Ack(basic::Ack { delivery_tag: number, multiple }))
}

pub(crate) fn nack(id: u16, number: u64, multiple: bool) -> Vec<u8> {
    let nack = basic::Nack { delivery_tag: number, multiple, requeue: false };
    basic(id, basic::AMQPMethod::Nack(nack))
}

/// Returns the method in front of a delivery to a consumer, from the queue `q`.
pub(crate) fn deliver(id: u16, consumer: &str, number: u64) -> Vec<u8> {
    basic(
        id,
        basic::AMQPMethod::Deliver(basic::Deliver {
            consumer_tag: consumer.into(),
            delivery_tag: number,
            redelivered: false,
            exchange: "e".into(),
            routing_key: "q".into(),
        }),
    )
}

pub(crate) fn header(id: u16, size: u64, properties: &BasicProperties) -> Vec<u8> {
    let properties = properties.clone();
    let header = AMQPContentHeader { class_id: 60, body_size: size, properties };
    bytes(&AMQPFrame::Header(id, header))
}

pub(crate) fn body(id: u16, body: &[u8]) -> Vec<u8> {
    raw(3, id, body)
}

/// Returns header and body, in frames of at most `max` bytes of body.
pub(crate) fn content(id: u16, whole: &[u8], max: usize) -> Vec<u8> {
    let header = header(id, whole.len() as u64, &BasicProperties::default());
    whole.chunks(max).fold(header, |mut bytes, chunk| {
        bytes.extend(body(id, chunk));
        bytes
    })
}

/// Returns a whole delivery of a small body.
pub(crate) fn delivery(id: u16, consumer: &str, number: u64, body: &[u8]) -> Vec<u8> {
    let mut bytes = deliver(id, consumer, number);
    bytes.extend(content(id, body, 4000));
    bytes
}
