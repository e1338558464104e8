//! What the fuzz targets do with their input. The tests of `rpc-core` run the same over inputs
//! they make themselves.

use std::collections::BTreeMap;

use rpc_core::{Codec, DecodeErrorKind, DecodeLimits, Map, Value};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

/// A type that reaches much of what serde can ask a decoder for, recursion included.
#[derive(Serialize, Deserialize)]
pub enum Zoo {
    Empty,
    Scalars(bool, i8, u64, f32, f64, char, Option<i16>, (), u128),
    Boxed(Box<Zoo>),
    Herd(Vec<Zoo>),
    Named { name: String, ages: BTreeMap<u32, Zoo>, pair: (u8, [u8; 2]) },
    Guess(Guess),
    Any(Value),
}

/// A type that must buffer its input to find out what it is.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub enum Guess {
    Number(f64),
    Text(String),
    Many(Vec<Guess>),
    Fields(BTreeMap<String, Guess>),
}

const LIMITS: DecodeLimits = DecodeLimits::new();

/// Any bytes, read as MessagePack: the structural rules are those of the reference reader.
pub fn decode_msgpack(data: &[u8]) {
    let codec = Codec::MessagePack;
    reads_of_any_type_fail_at_most(codec, data);
    let mut rest = data;
    let reference = IgnoredAny::deserialize(&mut rmp_serde::Deserializer::new(&mut rest));
    let well_formed = reference.is_ok() && rest.is_empty();
    agrees(codec, data, well_formed);
}

/// Any bytes, read as JSON: what is well-formed is what `serde_json` says.
pub fn decode_json(data: &[u8]) {
    reads_of_any_type_fail_at_most(Codec::Json, data);
    agrees(Codec::Json, data, serde_json::from_slice::<IgnoredAny>(data).is_ok());
}

/// Any value, made from the bytes, comes back from both codecs and through itself.
pub fn value_round_trip(data: &[u8]) {
    let value = value_from_bytes(data);
    for codec in [Codec::MessagePack, Codec::Json] {
        let bytes = codec.encode(&value).expect("every value can be written");
        let back: Value = codec.decode(&bytes, &LIMITS).expect("what was written can be read");
        assert_eq!(back, in_form_of(codec, value.clone()), "{codec:?}");
        assert_eq!(codec.to_value(&value).expect("a value is a value"), value);
        assert_eq!(codec.from_value::<Value>(value.clone()).expect("a value is a value"), value);
        // Types that are not there may be refused, and that is all.
        let _ = codec.from_value::<Zoo>(value.clone());
        let _ = codec.from_value::<Guess>(value.clone());
        let _ = codec.from_value::<BTreeMap<i16, Option<char>>>(value.clone());
    }
}

fn agrees(codec: Codec, data: &[u8], well_formed: bool) {
    match codec.decode::<IgnoredAny>(data, &LIMITS) {
        Ok(_) => assert!(well_formed, "{codec:?} took {data:x?}"),
        Err(error) => {
            let limit = matches!(error.kind(), DecodeErrorKind::TooDeep { .. });
            assert!(limit || !well_formed, "{codec:?} refused {data:x?}: {error}");
        }
    }
}

fn reads_of_any_type_fail_at_most(codec: Codec, data: &[u8]) {
    read::<Zoo>(codec, data);
    read::<Guess>(codec, data);
    read::<Vec<Option<u32>>>(codec, data);
    read::<BTreeMap<String, (i64, f32)>>(codec, data);
    if let Some(value) = read::<Value>(codec, data) {
        let _ = codec.from_value::<Zoo>(value.clone());
        let _ = codec.from_value::<Guess>(value);
    }
}

/// What is read must write, and what was written must read as the same.
fn read<T: Serialize + DeserializeOwned>(codec: Codec, data: &[u8]) -> Option<T> {
    let read: T = codec.decode(data, &LIMITS).ok()?;
    let written = codec.encode(&read).expect("what was read can be written");
    // A type may write more levels than it reads, so that the default limit need not hold.
    let again: T = match codec.decode(&written, &LIMITS.max_depth(DecodeLimits::MAX_DEPTH)) {
        Ok(again) => again,
        Err(error) => {
            let lossy = codec == Codec::Json && lost_in_json(&read);
            assert!(lossy, "{codec:?}: {error} in {written:x?} from {data:x?}");
            return Some(read);
        }
    };
    assert_eq!(codec.encode(&again).expect("it was written before"), written, "{codec:?}");
    Some(read)
}

/// JSON writes what is no finite number as null, which is no number when it comes back. Whether a
/// type holds one is not known where it has integers of more than 64 bits.
fn lost_in_json<T: Serialize>(value: &T) -> bool {
    fn holds_one(value: &Value) -> bool {
        match value {
            Value::Float(number) => !number.is_finite(),
            Value::Array(members) => members.iter().any(holds_one),
            Value::Map(map) => map.iter().any(|(_, value)| holds_one(value)),
            _ => false,
        }
    }
    Codec::Json.to_value(value).map_or(true, |value| holds_one(&value))
}

/// What a codec makes of a value.
fn in_form_of(codec: Codec, value: Value) -> Value {
    match value {
        Value::Bytes(bytes) if codec == Codec::Json => {
            bytes.into_iter().map(Value::from).collect::<Vec<_>>().into()
        }
        Value::Array(members) => {
            members.into_iter().map(|value| in_form_of(codec, value)).collect::<Vec<_>>().into()
        }
        Value::Map(map) => {
            let entries = map.into_iter().map(|(key, value)| (key, in_form_of(codec, value)));
            Map::from_iter(entries).into()
        }
        other => other,
    }
}

/// The value that these bytes describe, whatever they are.
pub fn value_from_bytes(data: &[u8]) -> Value {
    value_from(&mut data.iter().copied(), 6)
}

/// When the bytes are at an end, the rest is null.
fn value_from(data: &mut dyn Iterator<Item = u8>, levels: usize) -> Value {
    let kind = data.next().unwrap_or(0);
    let count = usize::from(kind >> 4);
    match kind & 0x0f {
        1 => (count > 0).into(),
        2 => i64::from_be_bytes(eight(data)).into(),
        3 => u64::from_be_bytes(eight(data)).into(),
        // NaN is not equal to itself, and JSON has no infinities.
        4 => Some(f64::from_be_bytes(eight(data))).filter(|number| number.is_finite()).into(),
        5 => i64::from(data.next().unwrap_or(0)).into(),
        6 | 7 => text(data, count).into(),
        8 | 9 => data.take(count).collect::<Vec<_>>().into(),
        10..=12 if levels > 0 => {
            (0..count).map(|_| value_from(data, levels - 1)).collect::<Vec<_>>().into()
        }
        13..=15 if levels > 0 => {
            let entries = (0..count).map(|_| (text(data, 3), value_from(data, levels - 1)));
            Map::from_iter(entries).into()
        }
        _ => Value::Null,
    }
}

fn eight(data: &mut dyn Iterator<Item = u8>) -> [u8; 8] {
    std::array::from_fn(|_| data.next().unwrap_or(0))
}

fn text(data: &mut dyn Iterator<Item = u8>, length: usize) -> String {
    data.take(length).map(char::from).collect()
}
