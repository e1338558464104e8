//! Tables: fields of every type.

use amq_protocol::frame::AMQPFrame;
use amq_protocol::protocol::{AMQPClass, queue};
use amq_protocol::types::{AMQPValue, FieldTable as TheirTable, ShortString};

use super::{seeded, short, text, their_bytes, their_frames, their_table};
use crate::wire::client_method::{ClientMethod, put};
use crate::wire::table::{Field, FieldTable, Fields, Value};

/// Generates a table with the fields that this client writes, and the same one for `amq-protocol`.
pub(super) fn our_table(rng: &mut fastrand::Rng, levels: usize) -> (FieldTable, TheirTable) {
    let (mut ours, mut theirs) = (FieldTable::new(), TheirTable::default());
    for _ in 0..rng.usize(..6) {
        let name = short(rng);
        if theirs.contains_key(&name) {
            continue;
        }
        let value = match rng.u8(..if levels == 0 { 3 } else { 4 }) {
            0 => {
                let value = rng.bool();
                ours.insert(&name, Field::Bool(value)).unwrap();
                AMQPValue::Boolean(value)
            }
            1 => {
                let value = rng.i64(..);
                ours.insert(&name, Field::I64(value)).unwrap();
                AMQPValue::LongLongInt(value)
            }
            2 => {
                let value = text(rng, 700);
                ours.insert(&name, Field::Text(&value)).unwrap();
                AMQPValue::LongString(value.into())
            }
            _ => {
                let (inner, same) = our_table(rng, levels - 1);
                ours.insert(&name, Field::Table(&inner)).unwrap();
                AMQPValue::FieldTable(same)
            }
        };
        theirs.insert(ShortString::from(name), value);
    }
    (ours, theirs)
}

/// Returns a table of ours as `amq-protocol` reads it.
pub(super) fn their_form(ours: &FieldTable) -> TheirTable {
    let mut out = Vec::new();
    let method =
        ClientMethod::QueueBind { queue: "", exchange: "", routing_key: "", arguments: ours };
    put(&mut out, 1, &method);
    match their_frames(&out).pop() {
        Some(AMQPFrame::Method(_, AMQPClass::Queue(queue::AMQPMethod::Bind(bind)))) => {
            bind.arguments
        }
        other => panic!("{other:?}"),
    }
}

/// Returns the bytes of a table of `amq-protocol`, without the length in front.
pub(super) fn their_table_bytes(theirs: &TheirTable) -> Vec<u8> {
    let unbind = queue::Unbind {
        queue: "".into(),
        exchange: "".into(),
        routing_key: "".into(),
        arguments: theirs.clone(),
    };
    let method = AMQPClass::Queue(queue::AMQPMethod::Unbind(unbind));
    let bytes = their_bytes(&AMQPFrame::Method(1, method));
    // Frame, method id, reserved number, three empty names, and the length; then the end mark.
    bytes[7 + 4 + 2 + 3 + 4..bytes.len() - 1].to_vec()
}

/// Asserts that fields of ours are those of a table of `amq-protocol`, which are sorted.
pub(super) fn same_fields(ours: Fields<'_>, theirs: &TheirTable) {
    let (mut ours, theirs): (Vec<_>, Vec<_>) = (ours.collect(), theirs.into_iter().collect());
    ours.sort_by_key(|(name, _)| *name);
    assert_eq!(ours.len(), theirs.len(), "{ours:?} {theirs:?}");
    for ((name, value), (their_name, their_value)) in ours.into_iter().zip(theirs) {
        assert_eq!(name.as_str(), Some(their_name.as_str()));
        same_value(value, their_value);
    }
}

fn same_value(ours: Value<'_>, theirs: &AMQPValue) {
    let number = match theirs {
        AMQPValue::ShortShortInt(value) => Some(i64::from(*value)),
        AMQPValue::ShortShortUInt(value) => Some(i64::from(*value)),
        AMQPValue::ShortInt(value) => Some(i64::from(*value)),
        AMQPValue::ShortUInt(value) => Some(i64::from(*value)),
        AMQPValue::LongInt(value) => Some(i64::from(*value)),
        AMQPValue::LongUInt(value) => Some(i64::from(*value)),
        AMQPValue::LongLongInt(value) => Some(*value),
        AMQPValue::Timestamp(value) => Some(value.cast_signed()),
        _ => None,
    };
    let text = match theirs {
        AMQPValue::LongString(text) => Some(text.as_bytes()),
        _ => None,
    };
    assert_eq!(ours.as_i64(), number, "{theirs:?}");
    assert_eq!(ours.as_text().map(|text| text.as_bytes()), text, "{theirs:?}");
    match (ours.as_table(), theirs) {
        (Some(fields), AMQPValue::FieldTable(theirs)) => same_fields(fields, theirs),
        (None, AMQPValue::FieldTable(_)) | (Some(_), _) => panic!("{theirs:?}"),
        (None, _) => {}
    }
}

#[test]
fn fields_of_every_type_are_read_as_the_oracle_wrote_them() {
    seeded(150, |rng| {
        let theirs = their_table(rng, 3);
        let bytes = their_table_bytes(&theirs);
        let ours = FieldTable::from_bytes(&bytes);
        same_fields(ours.iter(), &theirs);
        for (name, value) in &theirs {
            same_value(ours.get(name.as_str()).unwrap(), value);
        }
    });
}

#[test]
fn fields_of_every_type_are_read_by_the_oracle_as_they_were_written() {
    seeded(150, |rng| {
        let (ours, theirs) = our_table(rng, 3);
        assert_eq!(their_form(&ours), theirs);
        same_fields(ours.iter(), &theirs);
    });
}
