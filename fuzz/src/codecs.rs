//! The bodies of the targets that decode MessagePack and JSON. The tests of `rpc-core` run them over generated inputs.

use std::collections::BTreeMap;

use rpc_core::{Codec, DecodeErrorKind, DecodeLimits, Map, Value, from_value, to_value};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

/// A type that uses most of serde's data model, and is recursive.
#[derive(Serialize, Deserialize)]
pub enum Model {
    Unit,
    Scalars(bool, i8, u64, f32, f64, char, Option<i16>, (), u128),
    Boxed(Box<Model>),
    List(Vec<Model>),
    Struct { name: String, ages: BTreeMap<u32, Model>, pair: (u8, [u8; 2]) },
    Untagged(Untagged),
    Dynamic(Value),
}

/// A type whose deserializer has to buffer its input.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub enum Untagged {
    Number(f64),
    Text(String),
    List(Vec<Untagged>),
    Fields(BTreeMap<String, Untagged>),
}

const LIMITS: DecodeLimits = DecodeLimits::new();

/// Decodes any bytes as MessagePack. The codec accepts what the reference reader accepts.
pub fn decode_msgpack(data: &[u8]) {
    let codec = Codec::MessagePack;
    decodes_or_fails(codec, data);
    let mut rest = data;
    let reference = IgnoredAny::deserialize(&mut rmp_serde::Deserializer::new(&mut rest));
    let well_formed = reference.is_ok() && rest.is_empty();
    agrees(codec, data, well_formed);
}

/// Decodes any bytes as JSON. The codec accepts what `serde_json` accepts.
pub fn decode_json(data: &[u8]) {
    decodes_or_fails(Codec::Json, data);
    agrees(Codec::Json, data, serde_json::from_slice::<IgnoredAny>(data).is_ok());
}

/// Makes a value from the bytes. It must survive both codecs, and the conversion to and from a `Value`.
pub fn value_round_trip(data: &[u8]) {
    let value = value_from_bytes(data);
    for codec in [Codec::MessagePack, Codec::Json] {
        let bytes = codec.encode(&value).expect("every value can be encoded");
        let back: Value = codec.decode(&bytes, &LIMITS).expect("what was encoded can be decoded");
        assert_eq!(back, normalized_by(codec, value.clone()), "{codec:?}");
        assert_eq!(to_value(&value).expect("a value is a value"), value);
        assert_eq!(from_value::<Value>(value.clone()).expect("a value is a value"), value);
        // Other types may fail, but must not panic.
        let _ = from_value::<Model>(value.clone());
        let _ = from_value::<Untagged>(value.clone());
        let _ = from_value::<BTreeMap<i16, Option<char>>>(value.clone());
    }
}

/// Asserts that the codec accepts the data if, and only if, the reference does.
fn agrees(codec: Codec, data: &[u8], well_formed: bool) {
    match codec.decode::<IgnoredAny>(data, &LIMITS) {
        Ok(_) => assert!(well_formed, "{codec:?} accepted {data:x?}"),
        Err(error) => {
            let limit = matches!(error.kind(), DecodeErrorKind::TooDeep { .. });
            assert!(limit || !well_formed, "{codec:?} rejected {data:x?}: {error}");
        }
    }
}

/// Decodes the data as several types, which may fail but must not panic.
fn decodes_or_fails(codec: Codec, data: &[u8]) {
    decode::<Model>(codec, data);
    decode::<Untagged>(codec, data);
    decode::<Vec<Option<u32>>>(codec, data);
    decode::<BTreeMap<String, (i64, f32)>>(codec, data);
    if let Some(value) = decode::<Value>(codec, data) {
        let _ = from_value::<Model>(value.clone());
        let _ = from_value::<Untagged>(value);
    }
}

/// Decodes the data. What was decoded can be encoded, and that decodes to the same value, unless the
/// codec refuses to write it.
fn decode<T: Serialize + DeserializeOwned>(codec: Codec, data: &[u8]) -> Option<T> {
    let decoded: T = codec.decode(data, &LIMITS).ok()?;
    let encoded = match codec.encode(&decoded) {
        Ok(encoded) => encoded,
        Err(error) => {
            let text = error.to_string();
            // A JSON number may be an integer of 128 bits, or too large for an `f32`.
            let refused = ["does not fit in 64 bits", "is not a number in JSON"];
            assert!(refused.iter().any(|reason| text.contains(reason)), "{codec:?}: {text}");
            return Some(decoded);
        }
    };
    // A type may encode to a deeper value than it was decoded from, so the default limit need not hold.
    let again: T = codec
        .decode(&encoded, &LIMITS.max_depth(DecodeLimits::MAX_DEPTH))
        .unwrap_or_else(|error| panic!("{codec:?}: {error} in {encoded:x?} from {data:x?}"));
    assert_eq!(codec.encode(&again).expect("it was encoded before"), encoded, "{codec:?}");
    Some(decoded)
}

/// Returns the value that a codec decodes after it has encoded this one.
fn normalized_by(codec: Codec, value: Value) -> Value {
    match value {
        Value::Bytes(bytes) if codec == Codec::Json => {
            bytes.into_iter().map(Value::from).collect::<Vec<_>>().into()
        }
        Value::Array(members) => {
            members.into_iter().map(|value| normalized_by(codec, value)).collect::<Vec<_>>().into()
        }
        Value::Map(map) => {
            let entries = map.into_iter().map(|(key, value)| (key, normalized_by(codec, value)));
            Map::from_iter(entries).into()
        }
        other => other,
    }
}

/// Makes a value from any bytes.
pub fn value_from_bytes(data: &[u8]) -> Value {
    value_from(&mut data.iter().copied(), 6)
}

/// Missing bytes count as 0, which makes null.
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
