//! Content: header, properties and body.

use amq_protocol::frame::{AMQPContentHeader, AMQPFrame};
use amq_protocol::protocol::BasicProperties;
use bytes::Bytes;

use super::tables::{our_table, same_fields};
use super::{bytes, seeded, short, their_bytes, their_frames, their_table};
use crate::wire::frame::{self, Kind, put_content};
use crate::wire::properties::{Properties, PropertiesBuilder};
use crate::wire::text::Text;

/// Generates properties of `amq-protocol`, each field in half of the cases.
pub(super) fn their_properties(rng: &mut fastrand::Rng) -> BasicProperties {
    let mut it = BasicProperties::default();
    let texts = [
        BasicProperties::with_content_type,
        BasicProperties::with_content_encoding,
        BasicProperties::with_correlation_id,
        BasicProperties::with_reply_to,
        BasicProperties::with_expiration,
        BasicProperties::with_message_id,
        BasicProperties::with_type,
        BasicProperties::with_user_id,
        BasicProperties::with_app_id,
        BasicProperties::with_cluster_id,
    ];
    for set in texts {
        if rng.bool() {
            it = set(it, short(rng).into());
        }
    }
    if rng.bool() {
        it = it.with_headers(their_table(rng, 3));
    }
    if rng.bool() {
        it = it.with_delivery_mode(rng.u8(..));
    }
    if rng.bool() {
        it = it.with_priority(rng.u8(..));
    }
    if rng.bool() {
        it = it.with_timestamp(rng.u64(..));
    }
    it
}

/// Asserts that properties of ours are those of `amq-protocol`.
fn same_properties(ours: &Properties, theirs: &BasicProperties) {
    let text = |ours: Option<Text<'_>>| ours.map(|text| text.as_str().unwrap().to_owned());
    let same = |ours, theirs: &Option<amq_protocol::types::ShortString>| {
        assert_eq!(text(ours), theirs.as_ref().map(ToString::to_string));
    };
    same(ours.content_type(), theirs.content_type());
    same(ours.content_encoding(), theirs.content_encoding());
    same(ours.correlation_id(), theirs.correlation_id());
    same(ours.reply_to(), theirs.reply_to());
    same(ours.expiration(), theirs.expiration());
    same(ours.message_id(), theirs.message_id());
    same(ours.kind(), theirs.kind());
    same(ours.user_id(), theirs.user_id());
    same(ours.app_id(), theirs.app_id());
    assert_eq!(ours.delivery_mode(), *theirs.delivery_mode());
    assert_eq!(ours.priority(), *theirs.priority());
    assert_eq!(ours.timestamp(), *theirs.timestamp());
    assert_eq!(ours.headers().is_some(), theirs.headers().is_some());
    if let (Some(ours), Some(theirs)) = (ours.headers(), theirs.headers()) {
        same_fields(ours, theirs);
    }
    assert!(!ours.is_malformed());
}

#[test]
fn properties_are_read_as_the_oracle_wrote_them() {
    seeded(150, |rng| {
        let (channel, body_size, theirs) = (rng.u16(1..), rng.u64(..), their_properties(rng));
        let header = AMQPContentHeader { class_id: 60, body_size, properties: theirs.clone() };
        let bytes = their_bytes(&AMQPFrame::Header(channel, header));
        let frame = frame::read(&bytes, bytes.len()).unwrap();
        assert_eq!((frame.kind, frame.channel, frame.len()), (Kind::Header, channel, bytes.len()));
        assert_eq!(frame.payload[..4], [0, 60, 0, 0]);
        assert_eq!(frame.payload[4..12], body_size.to_be_bytes());
        let ours = Properties::from_bytes(Bytes::copy_from_slice(&frame.payload[12..]));
        same_properties(&ours, &theirs);
        // Published again, they are the same but for the reserved field.
        let copy = PropertiesBuilder::from(&ours).build().unwrap();
        same_properties(&copy, &theirs);
        assert_eq!(copy == ours, theirs.cluster_id().is_none());
    });
}

#[test]
fn content_is_read_by_the_oracle_as_it_was_written() {
    seeded(150, |rng| {
        let texts: [String; 9] = std::array::from_fn(|_| short(rng));
        let (headers, _) = our_table(rng, 3);
        let mut builder = PropertiesBuilder::new();
        for at in 0..13 {
            if rng.bool() {
                let numbers = (rng.u8(..), rng.u64(..));
                builder = set(builder, at, &texts, numbers, &headers);
            }
        }
        let ours = builder.build().unwrap();
        let (channel, max_payload) = (rng.u16(1..), rng.usize(1..100));
        let pieces: Vec<Vec<u8>> = (0..rng.usize(..4)).map(|_| bytes(rng, 300)).collect();
        let slices: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        let mut out = Vec::new();
        put_content(&mut out, channel, ours.as_bytes(), &slices, max_payload);
        let mut frames = their_frames(&out).into_iter();
        let Some(AMQPFrame::Header(id, header)) = frames.next() else { panic!("no header") };
        let whole = pieces.concat();
        assert_eq!((id, header.class_id), (channel, 60));
        assert_eq!(header.body_size, whole.len() as u64);
        same_properties(&ours, &header.properties);
        let bodies = frames.map(|frame| match frame {
            AMQPFrame::Body(id, body) if id == channel => body,
            other => panic!("{other:?}"),
        });
        let bodies: Vec<_> = bodies.collect();
        let expected: Vec<_> = whole.chunks(max_payload).map(<[u8]>::to_vec).collect();
        assert_eq!(bodies, expected);
    });
}

fn set<'a>(
    it: PropertiesBuilder<'a>,
    at: usize,
    texts: &'a [String; 9],
    (byte, seconds): (u8, u64),
    headers: &'a crate::FieldTable,
) -> PropertiesBuilder<'a> {
    match at {
        0 => it.content_type(&texts[0]),
        1 => it.content_encoding(&texts[1]),
        2 => it.correlation_id(&texts[2]),
        3 => it.reply_to(&texts[3]),
        4 => it.expiration(&texts[4]),
        5 => it.message_id(&texts[5]),
        6 => it.kind(&texts[6]),
        7 => it.user_id(&texts[7]),
        8 => it.app_id(&texts[8]),
        9 => it.headers(headers),
        10 => it.delivery_mode(byte),
        11 => it.priority(byte),
        _ => it.timestamp(seconds),
    }
}
