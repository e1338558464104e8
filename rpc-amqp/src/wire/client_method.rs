//! Methods that this client sends.

use super::frame::put_method;
use super::table::{Field, FieldTable};
use super::{MAX_NAME, put_long, put_short};

/// A method to send. Its names have been checked to be short enough.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ClientMethod<'a> {
    StartOk {
        properties: &'a FieldTable,
        mechanism: &'a str,
        response: &'a [u8],
    },
    TuneOk {
        channel_max: u16,
        frame_max: u32,
        heartbeat: u16,
    },
    Open {
        virtual_host: &'a str,
    },
    ConnectionClose {
        code: u16,
        text: &'a str,
    },
    ConnectionCloseOk,
    UpdateSecret {
        secret: &'a str,
        reason: &'a str,
    },
    ChannelOpen,
    FlowOk {
        active: bool,
    },
    ChannelClose {
        code: u16,
        text: &'a str,
    },
    ChannelCloseOk,
    ExchangeDeclare(&'a ExchangeDeclare<'a>),
    ExchangeDelete {
        name: &'a str,
        if_unused: bool,
    },
    QueueDeclare(&'a QueueDeclare<'a>),
    QueueBind {
        queue: &'a str,
        exchange: &'a str,
        routing_key: &'a str,
        arguments: &'a FieldTable,
    },
    QueueUnbind {
        queue: &'a str,
        exchange: &'a str,
        routing_key: &'a str,
        arguments: &'a FieldTable,
    },
    QueueDelete {
        name: &'a str,
        if_unused: bool,
        if_empty: bool,
    },
    Qos {
        prefetch: u16,
    },
    Consume {
        queue: &'a str,
        tag: &'a str,
        options: &'a ConsumeOptions<'a>,
    },
    Cancel {
        tag: &'a str,
    },
    Publish {
        exchange: &'a str,
        routing_key: &'a str,
        mandatory: bool,
    },
    Ack {
        tag: u64,
        multiple: bool,
    },
    Nack {
        tag: u64,
        multiple: bool,
        requeue: bool,
    },
    Reject {
        tag: u64,
        requeue: bool,
    },
    ConfirmSelect,
}

/// A declaration of an exchange.
#[derive(Debug, Clone, Copy)]
pub struct ExchangeDeclare<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its type: `direct`, `fanout`, `topic`, `headers`, or that of a plug-in.
    pub kind: &'a str,
    /// Fails if the exchange does not exist, and never creates it. The other settings are ignored.
    pub passive: bool,
    /// It outlives the broker.
    pub durable: bool,
    /// The broker deletes it with its last binding.
    pub auto_delete: bool,
    /// Further arguments.
    pub arguments: &'a FieldTable,
}

/// A declaration of a queue.
#[derive(Debug, Clone, Copy)]
pub struct QueueDeclare<'a> {
    /// Its name. The broker makes one if it is empty.
    pub name: &'a str,
    /// Fails if the queue does not exist, and never creates it. The other settings are ignored.
    pub passive: bool,
    /// It outlives the broker.
    pub durable: bool,
    /// It belongs to this connection, and is deleted with it.
    pub exclusive: bool,
    /// The broker deletes it with its last consumer.
    pub auto_delete: bool,
    /// Further arguments.
    pub arguments: &'a FieldTable,
}

/// How to consume a queue. The default: acknowledged, shared with other consumers, no arguments.
#[derive(Debug, Clone, Copy, Default)]
pub struct ConsumeOptions<'a> {
    /// Messages count as acknowledged when they are sent.
    pub no_ack: bool,
    /// Fails if the queue has another consumer, and keeps others out.
    pub exclusive: bool,
    /// Further arguments.
    pub arguments: Option<&'a FieldTable>,
}

/// Appends a method frame.
pub(crate) fn put(out: &mut Vec<u8>, channel: u16, method: &ClientMethod<'_>) {
    put_method(out, channel, |out| write(out, method));
}

fn write(out: &mut Vec<u8>, method: &ClientMethod<'_>) {
    match *method {
        ClientMethod::StartOk { properties, mechanism, response } => {
            id(out, 10, 11);
            put_long(out, properties.as_bytes());
            put_short(out, mechanism.as_bytes());
            put_long(out, response);
            put_short(out, b"en_US");
        }
        ClientMethod::TuneOk { channel_max, frame_max, heartbeat } => {
            id(out, 10, 31);
            out.extend_from_slice(&channel_max.to_be_bytes());
            out.extend_from_slice(&frame_max.to_be_bytes());
            out.extend_from_slice(&heartbeat.to_be_bytes());
        }
        ClientMethod::Open { virtual_host } => {
            id(out, 10, 40);
            put_short(out, virtual_host.as_bytes());
            out.extend_from_slice(&[0, 0]);
        }
        ClientMethod::ConnectionClose { code, text } => close(out, 10, 50, code, text),
        ClientMethod::ConnectionCloseOk => id(out, 10, 51),
        ClientMethod::UpdateSecret { secret, reason } => {
            id(out, 10, 70);
            put_long(out, secret.as_bytes());
            put_reason(out, reason);
        }
        ClientMethod::ChannelOpen => {
            id(out, 20, 10);
            out.push(0);
        }
        ClientMethod::FlowOk { active } => {
            id(out, 20, 21);
            out.push(active.into());
        }
        ClientMethod::ChannelClose { code, text } => close(out, 20, 40, code, text),
        ClientMethod::ChannelCloseOk => id(out, 20, 41),
        ClientMethod::ConfirmSelect => {
            id(out, 85, 10);
            out.push(0);
        }
        _ => write_topology(out, method),
    }
}

fn write_topology(out: &mut Vec<u8>, method: &ClientMethod<'_>) {
    match *method {
        ClientMethod::ExchangeDeclare(exchange) => {
            name(out, 40, 10, exchange.name);
            put_short(out, exchange.kind.as_bytes());
            out.push(bits([
                exchange.passive,
                exchange.durable,
                exchange.auto_delete,
                false,
                false,
            ]));
            put_long(out, exchange.arguments.as_bytes());
        }
        ClientMethod::ExchangeDelete { name: exchange, if_unused } => {
            name(out, 40, 20, exchange);
            out.push(bits([if_unused, false, false, false, false]));
        }
        ClientMethod::QueueDeclare(queue) => {
            name(out, 50, 10, queue.name);
            let QueueDeclare { passive, durable, exclusive, auto_delete, .. } = *queue;
            out.push(bits([passive, durable, exclusive, auto_delete, false]));
            put_long(out, queue.arguments.as_bytes());
        }
        ClientMethod::QueueBind { queue, exchange, routing_key, arguments } => {
            name(out, 50, 20, queue);
            put_short(out, exchange.as_bytes());
            put_short(out, routing_key.as_bytes());
            out.push(0);
            put_long(out, arguments.as_bytes());
        }
        ClientMethod::QueueUnbind { queue, exchange, routing_key, arguments } => {
            name(out, 50, 50, queue);
            put_short(out, exchange.as_bytes());
            put_short(out, routing_key.as_bytes());
            put_long(out, arguments.as_bytes());
        }
        ClientMethod::QueueDelete { name: queue, if_unused, if_empty } => {
            name(out, 50, 40, queue);
            out.push(bits([if_unused, if_empty, false, false, false]));
        }
        _ => write_basic(out, method),
    }
}

fn write_basic(out: &mut Vec<u8>, method: &ClientMethod<'_>) {
    match *method {
        ClientMethod::Qos { prefetch } => {
            id(out, 60, 10);
            out.extend_from_slice(&[0; 4]);
            out.extend_from_slice(&prefetch.to_be_bytes());
            out.push(0);
        }
        ClientMethod::Consume { queue, tag, options } => {
            name(out, 60, 20, queue);
            put_short(out, tag.as_bytes());
            out.push(bits([false, options.no_ack, options.exclusive, false, false]));
            put_long(out, options.arguments.map_or(&[], FieldTable::as_bytes));
        }
        ClientMethod::Cancel { tag } => {
            id(out, 60, 30);
            put_short(out, tag.as_bytes());
            out.push(0);
        }
        ClientMethod::Publish { exchange, routing_key, mandatory } => {
            name(out, 60, 40, exchange);
            put_short(out, routing_key.as_bytes());
            out.push(mandatory.into());
        }
        ClientMethod::Ack { tag, multiple } => settle(out, 80, tag, multiple.into()),
        ClientMethod::Nack { tag, multiple, requeue } => {
            settle(out, 120, tag, bits([multiple, requeue, false, false, false]));
        }
        ClientMethod::Reject { tag, requeue } => settle(out, 90, tag, requeue.into()),
        // All others are written above.
        _ => {}
    }
}

fn id(out: &mut Vec<u8>, class: u16, method: u16) {
    out.extend_from_slice(&class.to_be_bytes());
    out.extend_from_slice(&method.to_be_bytes());
}

/// Writes the id of a method, the reserved number behind it, and the name it begins with.
fn name(out: &mut Vec<u8>, class: u16, method: u16, name: &str) {
    id(out, class, method);
    out.extend_from_slice(&[0, 0]);
    put_short(out, name.as_bytes());
}

fn close(out: &mut Vec<u8>, class: u16, method: u16, code: u16, text: &str) {
    id(out, class, method);
    out.extend_from_slice(&code.to_be_bytes());
    put_reason(out, text);
    out.extend_from_slice(&[0; 4]);
}

/// Writes a text for the broker's log, without the characters for which there is no room.
fn put_reason(out: &mut Vec<u8>, text: &str) {
    let mut end = text.len().min(MAX_NAME);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    put_short(out, text.get(..end).unwrap_or_default().as_bytes());
}

fn settle(out: &mut Vec<u8>, method: u16, tag: u64, bits: u8) {
    id(out, 60, method);
    out.extend_from_slice(&tag.to_be_bytes());
    out.push(bits);
}

/// Packs bits into a byte, the first one lowest.
fn bits(bits: [bool; 5]) -> u8 {
    bits.into_iter().enumerate().fold(0, |byte, (at, bit)| byte | u8::from(bit) << at)
}

/// Returns the properties by which this client introduces itself. The names are short.
pub(crate) fn client_properties(name: &str) -> FieldTable {
    const CAPABILITIES: [&str; 5] = [
        "authentication_failure_close",
        "basic.nack",
        "connection.blocked",
        "consumer_cancel_notify",
        "publisher_confirms",
    ];
    let (mut capabilities, mut properties) = (FieldTable::new(), FieldTable::new());
    for capability in CAPABILITIES {
        // Every name here is shorter than 255 bytes, which is the only error.
        let _ = capabilities.insert(capability, Field::Bool(true));
    }
    let fields = [
        ("product", Field::Text(env!("CARGO_PKG_NAME"))),
        ("version", Field::Text(env!("CARGO_PKG_VERSION"))),
        ("platform", Field::Text("Rust")),
        ("connection_name", Field::Text(name)),
        ("capabilities", Field::Table(&capabilities)),
    ];
    for (name, value) in fields {
        let _ = properties.insert(name, value);
    }
    properties
}
