//! Frames byte by byte, written by hand after the specification.

use crate::wire::client_method::{
    ClientMethod, ConsumeOptions, ExchangeDeclare, QueueDeclare, put,
};
use crate::wire::frame::{self, Kind, put_content, put_heartbeat};
use crate::wire::properties::PropertiesBuilder;
use crate::wire::server_method::{self, Close, Deliver, ServerMethod};
use crate::wire::table::{Field, FieldTable};
use crate::wire::text::Text;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn is_written(channel: u16, method: &ClientMethod<'_>, hex: &str) {
    let mut out = Vec::new();
    put(&mut out, channel, method);
    assert_eq!(out, bytes(hex), "{method:?}");
}

fn is_read(channel: u16, hex: &str, expected: ServerMethod<'_>) {
    let bytes = bytes(hex);
    let frame = frame::read(&bytes, bytes.len()).unwrap();
    assert_eq!((frame.kind, frame.channel, frame.len()), (Kind::Method, channel, bytes.len()));
    assert_eq!(server_method::read(frame.payload), Ok(expected));
}

#[test]
fn a_connection_is_opened_and_closed_with_these_bytes() {
    let response = b"\0guest\0guest";
    let properties = &FieldTable::new();
    is_written(
        0,
        &ClientMethod::StartOk { properties, mechanism: "PLAIN", response },
        "01 0000 00000024 000a 000b 00000000 05 504c41494e
         0000000c 00 6775657374 00 6775657374 05 656e5f5553 ce",
    );
    let tune = ClientMethod::TuneOk { channel_max: 2047, frame_max: 131_072, heartbeat: 60 };
    is_written(0, &tune, "01 0000 0000000c 000a 001f 07ff 00020000 003c ce");
    let open = ClientMethod::Open { virtual_host: "/" };
    is_written(0, &open, "01 0000 00000008 000a 0028 01 2f 00 00 ce");
    let update = ClientMethod::UpdateSecret { secret: "new", reason: "old" };
    is_written(0, &update, "01 0000 0000000f 000a 0046 00000003 6e6577 03 6f6c64 ce");
    let close = ClientMethod::ConnectionClose { code: 200, text: "bye" };
    is_written(0, &close, "01 0000 0000000e 000a 0032 00c8 03 627965 0000 0000 ce");
    is_written(0, &ClientMethod::ConnectionCloseOk, "01 0000 00000004 000a 0033 ce");
    let mut heartbeat = Vec::new();
    put_heartbeat(&mut heartbeat);
    assert_eq!(heartbeat, bytes("08 0000 00000000 ce"));
}

#[test]
fn a_channel_is_opened_and_closed_with_these_bytes() {
    is_written(1, &ClientMethod::ChannelOpen, "01 0001 00000005 0014 000a 00 ce");
    is_written(1, &ClientMethod::ConfirmSelect, "01 0001 00000005 0055 000a 00 ce");
    let qos = ClientMethod::Qos { prefetch: 64 };
    is_written(1, &qos, "01 0001 0000000b 003c 000a 00000000 0040 00 ce");
    let close = ClientMethod::ChannelClose { code: 200, text: "bye" };
    is_written(258, &close, "01 0102 0000000e 0014 0028 00c8 03 627965 0000 0000 ce");
    is_written(258, &ClientMethod::ChannelCloseOk, "01 0102 00000004 0014 0029 ce");
}

#[test]
fn queues_are_declared_and_bound_with_these_bytes() {
    let mut arguments = FieldTable::new();
    arguments.insert("x-queue-type", Field::Text("quorum")).unwrap();
    let queue = QueueDeclare {
        name: "q",
        passive: false,
        durable: true,
        exclusive: false,
        auto_delete: false,
        arguments: &arguments,
    };
    is_written(
        1,
        &ClientMethod::QueueDeclare(&queue),
        "01 0001 00000025 0032 000a 0000 01 71 02
         00000018 0c 782d71756575652d74797065 53 00000006 71756f72756d ce",
    );
    let none = &FieldTable::new();
    let exchange = ExchangeDeclare {
        name: "e",
        kind: "topic",
        passive: false,
        durable: false,
        auto_delete: true,
        arguments: none,
    };
    is_written(
        1,
        &ClientMethod::ExchangeDeclare(&exchange),
        "01 0001 00000013 0028 000a 0000 01 65 05 746f706963 04 00000000 ce",
    );
    is_written(
        1,
        &ClientMethod::QueueBind { queue: "q", exchange: "e", routing_key: "k", arguments: none },
        "01 0001 00000011 0032 0014 0000 01 71 01 65 01 6b 00 00000000 ce",
    );
    let delete = ClientMethod::QueueDelete { name: "q", if_unused: true, if_empty: true };
    is_written(1, &delete, "01 0001 00000009 0032 0028 0000 01 71 03 ce");
}

#[test]
fn messages_are_published_and_settled_with_these_bytes() {
    let publish = ClientMethod::Publish { exchange: "", routing_key: "q", mandatory: true };
    is_written(1, &publish, "01 0001 0000000a 003c 0028 0000 00 01 71 01 ce");
    let properties = PropertiesBuilder::new().delivery_mode(2).correlation_id("7").build().unwrap();
    let mut content = Vec::new();
    put_content(&mut content, 1, properties.as_bytes(), &[b"h", b"i!"], 2);
    let header = "02 0001 00000011 003c 0000 0000000000000003 1400 02 01 37 ce";
    let body = "03 0001 00000002 6869 ce 03 0001 00000001 21 ce";
    assert_eq!(content, bytes(&format!("{header} {body}")));
    let options = &ConsumeOptions { no_ack: true, exclusive: true, arguments: None };
    let consume = ClientMethod::Consume { queue: "q", tag: "t", options };
    is_written(1, &consume, "01 0001 0000000f 003c 0014 0000 01 71 01 74 06 00000000 ce");
    let ack = ClientMethod::Ack { tag: 5, multiple: true };
    is_written(1, &ack, "01 0001 0000000d 003c 0050 0000000000000005 01 ce");
    let nack = ClientMethod::Nack { tag: 5, multiple: false, requeue: true };
    is_written(1, &nack, "01 0001 0000000d 003c 0078 0000000000000005 02 ce");
    let reject = ClientMethod::Reject { tag: 5, requeue: true };
    is_written(1, &reject, "01 0001 0000000d 003c 005a 0000000000000005 01 ce");
}

#[test]
fn the_methods_of_a_broker_have_these_bytes() {
    let text = |text: &'static str| Text::new(text.as_bytes());
    is_read(
        0,
        "01 0000 00000025 000a 000a 00 09 00000000
         0000000e 504c41494e20414d51504c41494e 00000005 656e5f5553 ce",
        ServerMethod::Start { mechanisms: text("PLAIN AMQPLAIN") },
    );
    let tune = ServerMethod::Tune { channel_max: 2047, frame_max: 131_072, heartbeat: 60 };
    is_read(0, "01 0000 0000000c 000a 001e 07ff 00020000 003c ce", tune);
    is_read(0, "01 0000 00000005 000a 0029 00 ce", ServerMethod::OpenOk);
    is_read(1, "01 0001 00000008 0014 000b 00000000 ce", ServerMethod::ChannelOpenOk);
    let declared = ServerMethod::QueueDeclareOk { name: text("q"), messages: 1, consumers: 2 };
    is_read(1, "01 0001 0000000e 0032 000b 01 71 00000001 00000002 ce", declared);
    let close = Close { code: 404, text: text("NOT_FOUND"), class: 50, method: 10 };
    is_read(
        1,
        "01 0001 00000014 0014 0028 0194 09 4e4f545f464f554e44 0032 000a ce",
        ServerMethod::ChannelClose(close),
    );
}

#[test]
fn the_methods_around_messages_have_these_bytes() {
    let text = |text: &'static str| Text::new(text.as_bytes());
    let consuming = ServerMethod::ConsumeOk { tag: text("t") };
    is_read(1, "01 0001 00000006 003c 0015 01 74 ce", consuming);
    let deliver = Deliver {
        consumer: text("t"),
        tag: 7,
        redelivered: true,
        exchange: text(""),
        routing_key: text("q"),
    };
    is_read(
        1,
        "01 0001 00000012 003c 003c 01 74 0000000000000007 01 00 01 71 ce",
        ServerMethod::Deliver(deliver),
    );
    let returned = ServerMethod::Return {
        code: 312,
        text: text("NO_ROUTE"),
        exchange: text(""),
        routing_key: text("q"),
    };
    is_read(1, "01 0001 00000012 003c 0032 0138 08 4e4f5f524f555445 00 01 71 ce", returned);
    let ack = ServerMethod::Ack { tag: 3, multiple: true };
    is_read(1, "01 0001 0000000d 003c 0050 0000000000000003 01 ce", ack);
    let nack = ServerMethod::Nack { tag: 3, multiple: false };
    is_read(1, "01 0001 0000000d 003c 0078 0000000000000003 02 ce", nack);
    is_read(1, "01 0001 00000007 003c 001e 01 74 01 ce", ServerMethod::Cancel { tag: text("t") });
}
