//! Properties of all versions, values and bytes.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use rpc_core::{
    Codec, DecodeErrorKind, DecodeLimits, Map, Payload, Value, Version, from_value, to_value,
};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-200i64..70_000).prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("JSON has finite numbers only", |f| f.is_finite())
            .prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[a-z\"\\\\\\[{]{0,40}".prop_map(Value::from),
    ]
}

fn nested(leaf: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
    leaf.prop_recursive(6, 64, 20, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..20).prop_map(Value::from),
            vec((any::<String>(), inner), 0..20)
                .prop_map(|entries| Value::from(Map::from_iter(entries))),
        ]
    })
}

/// Generates values that both codecs preserve.
fn plain_value() -> impl Strategy<Value = Value> {
    nested(scalar())
}

/// Generates all values that are equal to themselves.
fn value() -> impl Strategy<Value = Value> {
    nested(prop_oneof![
        4 => scalar(),
        1 => vec(any::<u8>(), 0..300).prop_map(Value::from),
        1 => Just(Value::from(f64::INFINITY)),
    ])
}

/// Returns the nesting depth of a value.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(members) => 1 + members.iter().map(depth).max().unwrap_or(0),
        Value::Map(map) => 1 + map.iter().map(|(_, value)| depth(value)).max().unwrap_or(0),
        _ => 0,
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    from: String,
    cents: u64,
    rate: Option<f64>,
    lines: Vec<(i32, bool)>,
    notes: BTreeMap<String, Note>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Note {
    None,
    Text(String),
    Range(i8, i8),
    Mark { at: u16 },
}

fn order() -> impl Strategy<Value = Order> {
    let note = prop_oneof![
        Just(Note::None),
        any::<String>().prop_map(Note::Text),
        any::<(i8, i8)>().prop_map(|(from, to)| Note::Range(from, to)),
        any::<u16>().prop_map(|at| Note::Mark { at }),
    ];
    let rate = proptest::option::of(-1e300..1e300);
    let notes = proptest::collection::btree_map(any::<String>(), note, 0..5);
    (any::<String>(), any::<u64>(), rate, vec(any::<(i32, bool)>(), 0..9), notes)
        .prop_map(|(from, cents, rate, lines, notes)| Order { from, cents, rate, lines, notes })
}

/// The version rule of oslo.messaging's source code, on lists of numbers.
fn compatible(implemented: &[u32], requested: &[u32]) -> bool {
    let revision = |parts: &[u32]| parts.get(2).copied().unwrap_or(0);
    if implemented[0] != requested[0] || requested[1] > implemented[1] {
        return false;
    }
    requested[1] != implemented[1] || revision(requested) <= revision(implemented)
}

/// Generates numbers that are often equal.
fn parts() -> impl Strategy<Value = Vec<u32>> {
    vec(prop_oneof![4 => 0u32..4, 1 => any::<u32>()], 2..6)
}

fn dotted(parts: &[u32]) -> String {
    parts.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}

proptest! {
    #[test]
    fn versions_serve_what_the_original_says(served in parts(), requested in parts()) {
        let version = |parts: &[u32]| dotted(parts).parse::<Version>().unwrap();
        let expected = compatible(&served, &requested);
        prop_assert_eq!(version(&served).serves(version(&requested)), expected);
    }

    #[test]
    fn a_version_reads_what_it_prints(major: u32, minor: u32, revision: u32) {
        let version = Version::new(major, minor).with_revision(revision);
        prop_assert_eq!(version.to_string().parse::<Version>().unwrap(), version);
    }

    #[test]
    fn any_text_is_a_version_or_refused(text in "[0-9.x+_ ]{0,12}|.{0,60}") {
        let mut parts = text.split('.');
        let mut number = || parts.next().map(|part| {
            let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            part.parse::<u32>().ok().filter(|_| digits)
        });
        let expected = match (number(), number(), number()) {
            (Some(Some(major)), Some(Some(minor)), None) => Some(Version::new(major, minor)),
            (Some(Some(major)), Some(Some(minor)), Some(Some(revision))) => {
                Some(Version::new(major, minor).with_revision(revision))
            }
            _ => None,
        };
        prop_assert_eq!(text.parse::<Version>().ok(), expected);
    }

    #[test]
    fn every_value_comes_back_from_messagepack(value in value()) {
        let bytes = Codec::MessagePack.encode(&value).unwrap();
        let limits = DecodeLimits::new();
        prop_assert_eq!(Codec::MessagePack.decode::<Value>(&bytes, &limits).unwrap(), value);
    }

    #[test]
    fn every_plain_value_comes_back_from_json(value in plain_value()) {
        let bytes = Codec::Json.encode(&value).unwrap();
        prop_assert_eq!(Codec::Json.decode::<Value>(&bytes, &DecodeLimits::new()).unwrap(), value);
    }

    #[test]
    fn a_value_is_what_it_turns_into(value in value()) {
        prop_assert_eq!(&to_value(&value).unwrap(), &value);
        prop_assert_eq!(from_value::<Value>(value.clone()).unwrap(), value);
    }

    #[test]
    fn a_type_has_the_same_value_directly_and_through_bytes(order in order()) {
        for codec in [Codec::MessagePack, Codec::Json] {
            let bytes = codec.encode(&order).unwrap();
            let value: Value = codec.decode(&bytes, &DecodeLimits::new()).unwrap();
            prop_assert_eq!(&to_value(&order).unwrap(), &value);
            prop_assert_eq!(&from_value::<Order>(value).unwrap(), &order);
            prop_assert_eq!(&codec.decode::<Order>(&bytes, &DecodeLimits::new()).unwrap(), &order);
        }
    }

    #[test]
    fn a_value_is_read_exactly_when_the_limit_is_as_deep_as_it_is(
        value in plain_value(),
        max in 0usize..8,
    ) {
        for codec in [Codec::MessagePack, Codec::Json] {
            let bytes = codec.encode(&value).unwrap();
            match codec.decode::<Value>(&bytes, &DecodeLimits::new().max_depth(max)) {
                Ok(_) => prop_assert!(depth(&value) <= max),
                Err(error) => {
                    prop_assert_eq!(error.kind(), &DecodeErrorKind::TooDeep { limit: max });
                    prop_assert!(depth(&value) > max);
                }
            }
        }
    }

    #[test]
    fn a_message_that_is_cut_short_or_longer_is_malformed(value in value(), extra: u8) {
        let mut bytes = Codec::MessagePack.encode(&value).unwrap().to_vec();
        let read = |bytes: &[u8]| Codec::MessagePack.decode::<Value>(bytes, &DecodeLimits::new());
        let malformed = |bytes: &[u8]| {
            matches!(read(bytes).unwrap_err().kind(), DecodeErrorKind::Malformed { .. })
        };
        let step = bytes.len() / 50 + 1;
        for end in (0..bytes.len()).step_by(step) {
            prop_assert!(malformed(&bytes[..end]), "cut at {}", end);
        }
        bytes.push(extra);
        prop_assert!(malformed(&bytes));
    }

    #[test]
    fn what_is_well_formed_is_what_the_reference_readers_take(
        bytes in vec(prop_oneof![any::<u8>(), 0x80u8..0xe0, 0u8..4], 0..24),
    ) {
        let mut rest = &bytes[..];
        let reference = IgnoredAny::deserialize(&mut rmp_serde::Deserializer::new(&mut rest));
        let expected = reference.is_ok() && rest.is_empty();
        let read = Codec::MessagePack.decode::<IgnoredAny>(&bytes, &DecodeLimits::new());
        prop_assert_eq!(read.is_ok(), expected, "{:?}", read);
        // So few bytes cannot be deeper than the default limit: it is not what refuses.
        if let Err(error) = read {
            let malformed = matches!(error.kind(), DecodeErrorKind::Malformed { .. });
            prop_assert!(malformed, "{}", error);
        }
    }

    #[test]
    fn any_bytes_are_read_as_any_type_or_refused(
        bytes in vec(any::<u8>(), 0..80),
        json in "[\\[\\]{}\",:0-9.e\\-truefalsn \\\\]{0,60}",
    ) {
        for payload in [
            Payload::new(Codec::MessagePack, bytes.clone()),
            Payload::new(Codec::Json, bytes),
            Payload::new(Codec::Json, json.into_bytes()),
        ] {
            let (codec, bytes, limits) = (payload.codec(), payload.bytes(), DecodeLimits::new());
            let _ = codec.decode::<Order>(bytes, &limits);
            let _ = codec.decode::<Note>(bytes, &limits);
            let _ = codec.decode::<Version>(bytes, &limits);
            let _ = codec.decode::<&str>(bytes, &limits);
            let _ = codec.decode::<(Option<bool>, Map)>(bytes, &limits);
            if let Ok(value) = codec.decode::<Value>(bytes, &limits) {
                prop_assert!(codec.encode(&value).is_ok());
                let _ = from_value::<Order>(value.clone());
                let _ = from_value::<BTreeMap<u8, Note>>(value);
            }
        }
    }
}
