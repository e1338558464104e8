//! Bytes that are damaged: whatever comes of them, nothing panics.

use std::panic::{AssertUnwindSafe, catch_unwind};

use amq_protocol::frame::{AMQPContentHeader, AMQPFrame};
use amq_protocol::protocol::{AMQPClass, basic, connection};
use bytes::Bytes;

use super::content::their_properties;
use super::{bytes, seeded, short, text, their_bytes, their_table};
use crate::wire::frame::{self, Kind};
use crate::wire::properties::{Properties, PropertiesBuilder};
use crate::wire::server_method;
use crate::wire::table::Fields;

/// Reads frames like a connection, and looks at everything that they carry.
fn read_all(mut bytes: &[u8]) {
    while let Ok(frame) = frame::read(bytes, 1 << 20) {
        match frame.kind {
            Kind::Method => drop(format!("{:?}", server_method::read(frame.payload))),
            Kind::Header => look_at(frame.payload.get(12..).unwrap_or_default()),
            Kind::Body | Kind::Heartbeat => {}
        }
        bytes = &bytes[frame.len()..];
    }
}

fn look_at(properties: &[u8]) {
    let it = Properties::from_bytes(Bytes::copy_from_slice(properties));
    let _ = (it.is_malformed(), format!("{it:?}"));
    let _ = (it.content_type(), it.content_encoding(), it.delivery_mode(), it.priority());
    let _ = (it.correlation_id(), it.reply_to(), it.expiration(), it.message_id());
    let _ = (it.timestamp(), it.kind(), it.user_id(), it.app_id(), it.header("x"));
    let _ = PropertiesBuilder::from(&it).build();
    if let Some(headers) = it.headers() {
        walk(headers);
    }
}

/// Goes through all tables within a table, without recursion.
fn walk(fields: Fields<'_>) {
    let mut tables = vec![fields];
    while let Some(fields) = tables.pop() {
        for (name, value) in fields {
            let _ = (name.as_str(), name.to_string_lossy(), value.as_i64(), value.as_text());
            tables.extend(value.as_table());
        }
    }
}

fn damage(rng: &mut fastrand::Rng, bytes: &mut Vec<u8>) {
    for _ in 0..rng.usize(1..6) {
        let at = rng.usize(..=bytes.len());
        match rng.u8(..5) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, rng.u8(..)),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            3 if at < bytes.len() => bytes[at] ^= 1 << rng.u8(..8),
            _ if at < bytes.len() => {
                bytes[at] = *rng.choice(&[0, 1, 0x7f, 0x80, 0xce, 0xff]).unwrap();
            }
            _ => {}
        }
    }
}

fn frames(rng: &mut fastrand::Rng) -> Vec<u8> {
    let start = connection::Start {
        version_major: 0,
        version_minor: 9,
        server_properties: their_table(rng, 3),
        mechanisms: text(rng, 300).into(),
        locales: "en_US".into(),
    };
    let deliver = basic::Deliver {
        consumer_tag: short(rng).into(),
        delivery_tag: rng.u64(..),
        redelivered: rng.bool(),
        exchange: short(rng).into(),
        routing_key: short(rng).into(),
    };
    let (body_size, properties) = (rng.u64(..), their_properties(rng));
    let frames = [
        AMQPFrame::Method(0, AMQPClass::Connection(connection::AMQPMethod::Start(start))),
        AMQPFrame::Method(1, AMQPClass::Basic(basic::AMQPMethod::Deliver(deliver))),
        AMQPFrame::Header(1, AMQPContentHeader { class_id: 60, body_size, properties }),
        AMQPFrame::Body(1, bytes(rng, 100)),
        AMQPFrame::Heartbeat,
    ];
    frames.iter().flat_map(their_bytes).collect()
}

#[test]
fn damaged_frames_are_read_or_refused_without_a_panic() {
    seeded(500, |rng| {
        let mut bytes = frames(rng);
        damage(rng, &mut bytes);
        let read = catch_unwind(AssertUnwindSafe(|| read_all(&bytes)));
        assert!(read.is_ok(), "{bytes:x?}");
    });
}

#[test]
fn damaged_payloads_within_good_frames_are_read_or_refused_without_a_panic() {
    seeded(500, |rng| {
        // A frame that does not end where it says is the end of reading, so the payloads are damaged alone.
        let whole = frames(rng);
        let mut rest = whole.as_slice();
        while let Ok(frame) = frame::read(rest, whole.len()) {
            let mut payload = frame.payload.to_vec();
            damage(rng, &mut payload);
            let read = catch_unwind(AssertUnwindSafe(|| {
                let _ = server_method::read(&payload);
                look_at(payload.get(12..).unwrap_or_default());
                look_at(&payload);
                walk(Fields::new(&payload));
            }));
            assert!(read.is_ok(), "{payload:x?}");
            rest = &rest[frame.len()..];
        }
        assert!(rest.is_empty());
    });
}

#[test]
fn thousands_of_levels_of_arrays_and_tables_are_passed_over() {
    for (kind, name) in [(b'A', &b""[..]), (b'F', b"\x01x")] {
        let mut nested = Vec::new();
        for _ in 0..3000 {
            let mut outer = name.to_vec();
            outer.push(kind);
            outer.extend_from_slice(&(nested.len() as u32).to_be_bytes());
            outer.append(&mut nested);
            nested = outer;
        }
        let mut headers = Vec::new();
        headers.extend_from_slice(b"\x04deep");
        headers.extend_from_slice(if kind == b'A' { &nested } else { &nested[2..] });
        headers.extend_from_slice(b"\x04next\x42\x07");
        let fields: Vec<_> = Fields::new(&headers).collect();
        assert_eq!(fields.len(), 2);
        assert_eq!(fields[1].1.as_i64(), Some(7));
        walk(Fields::new(&headers));
        drop(format!("{fields:?}"));
    }
}
