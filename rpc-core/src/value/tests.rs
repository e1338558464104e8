use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Map, Value, from_value, to_value};
use crate::codec::{Codec, DecodeErrorKind, DecodeLimits};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Cents(u64);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    from: String,
    cents: Cents,
    note: Option<String>,
    tags: Vec<u16>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Empty,
    Circle(f32),
    Line(i8, i8),
    Rectangle { width: u32, height: u32 },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Either {
    Number(i64),
    Text(String),
}

/// Converts a value of a type in every possible way and checks that it stays equal: through a
/// [`Value`], through bytes, from bytes through a [`Value`], and through a [`Value`] into bytes.
fn takes_all_ways<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(original: &T) {
    let limits = DecodeLimits::new();
    for codec in [Codec::MessagePack, Codec::Json] {
        let value = to_value(original).unwrap();
        let bytes = codec.encode(original).unwrap();
        let back: T = from_value(value.clone()).unwrap();
        assert_eq!(&back, original, "through a value, {codec:?}");
        let back: T = codec.decode(&bytes, &limits).unwrap();
        assert_eq!(&back, original, "through bytes, {codec:?}");
        let read: Value = codec.decode(&bytes, &limits).unwrap();
        let back: T = from_value(read).unwrap();
        assert_eq!(&back, original, "from bytes through a value, {codec:?}");
        let back: T = codec.decode(&codec.encode(&value).unwrap(), &limits).unwrap();
        assert_eq!(&back, original, "through a value into bytes, {codec:?}");
    }
}

#[test]
fn types_of_every_shape_take_all_ways() {
    takes_all_ways(&());
    takes_all_ways(&Unit);
    takes_all_ways(&true);
    takes_all_ways(&'ß');
    takes_all_ways(&String::from("text"));
    takes_all_ways(&(i64::MIN, u64::MAX, -1i8, 200u8));
    takes_all_ways(&(1.5f32, f64::MIN_POSITIVE, 0.1f64));
    takes_all_ways(&(-5i128, 5u128));
    takes_all_ways(&Order {
        from: "alice".into(),
        cents: Cents(u64::MAX),
        note: None,
        tags: vec![1, 2],
    });
    takes_all_ways(&vec![
        Shape::Empty,
        Shape::Circle(1.5),
        Shape::Line(-1, 1),
        Shape::Rectangle { width: 1, height: 2 },
    ]);
    takes_all_ways(&vec![Either::Number(1), Either::Text("one".into())]);
    takes_all_ways(&Some(vec![Some(1), None]));
    takes_all_ways(&BTreeMap::from([("a".to_owned(), [1, 2]), ("b".to_owned(), [3, 4])]));
    takes_all_ways(&IpAddr::V4(Ipv4Addr::LOCALHOST));
    takes_all_ways(&vec![0u8, 255]);
}

#[test]
fn maps_with_numbers_for_keys_become_maps_with_their_text() {
    let by_number = HashMap::from([(7u32, "seven".to_owned())]);
    let value = to_value(&by_number).unwrap();
    assert_eq!(value.get("7").and_then(Value::as_str), Some("seven"));
    assert_eq!(from_value::<HashMap<u32, String>>(value).unwrap(), by_number);

    let bytes = Codec::MessagePack.encode(&BTreeMap::from([(true, 1), (false, 2)])).unwrap();
    let value: Value = Codec::MessagePack.decode(&bytes, &DecodeLimits::new()).unwrap();
    assert_eq!(value, Map::from_iter([("true", 1), ("false", 2)]).into());
    assert_eq!(from_value::<BTreeMap<bool, i32>>(value).unwrap()[&true], 1);

    let value = to_value(&BTreeMap::from([(Some(1), 1)])).unwrap();
    assert_eq!(value, Map::from_iter([("1", 1)]).into());
    // Other programs may write keys of other types.
    let value: Value =
        Codec::MessagePack.decode(&[0x81, 0x07, 0xc0], &DecodeLimits::new()).unwrap();
    assert_eq!(value, Map::from_iter([("7", Value::Null)]).into());
    assert_eq!(super::ser::key_text(Value::from(1.0)), Ok("1.0".to_owned()));
}

#[test]
fn keys_that_are_no_scalars_are_refused() {
    let error = to_value(&BTreeMap::from([([1, 2], 1)])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot encode: an array cannot be a key of a map: keys are text, integers, finite floats, \
         booleans or the names of variants"
    );
    // A map with the key [] and one with bytes for a key.
    for bytes in [&[0x81, 0x90, 0x01][..], &[0x81, 0xc4, 0x01, 0x61, 0x01]] {
        let error = Codec::MessagePack.decode::<Value>(bytes, &DecodeLimits::new()).unwrap_err();
        assert!(error.to_string().contains("cannot be a key of a map"), "{error}");
        assert!(matches!(error.kind(), DecodeErrorKind::Mismatch { .. }));
    }
}

#[test]
fn a_key_that_is_there_twice_is_refused() {
    let error = Codec::Json.decode::<Value>(br#"{"a":1,"a":2}"#, &DecodeLimits::new()).unwrap_err();
    assert!(error.to_string().contains("duplicate key \"a\""), "{error}");
    // {1: nil, "1": nil}: two keys that are one when written as text.
    let bytes = [0x82, 0x01, 0xc0, 0xa1, 0x31, 0xc0];
    assert!(Codec::MessagePack.decode::<Value>(&bytes, &DecodeLimits::new()).is_err());
}

#[test]
fn bytes_survive_messagepack_and_are_numbers_in_json() {
    let value = Value::from(vec![1u8, 2]);
    let limits = DecodeLimits::new();
    let bytes = Codec::MessagePack.encode(&value).unwrap();
    assert_eq!(Codec::MessagePack.decode::<Value>(&bytes, &limits).unwrap(), value);
    assert_eq!(Codec::Json.encode(&value).unwrap(), &b"[1,2]"[..]);
    let numbers: Value = Codec::Json.decode(b"[1,2]", &limits).unwrap();
    assert_eq!(numbers, vec![Value::from(1), Value::from(2)].into());
    assert_eq!(from_value::<Vec<u8>>(value).unwrap(), [1, 2]);
    assert_eq!(from_value::<Vec<u8>>(numbers).unwrap(), [1, 2]);
}

#[test]
fn a_string_that_is_not_utf8_is_read_as_bytes() {
    let value: Value = Codec::MessagePack.decode(&[0xa1, 0xff], &DecodeLimits::new()).unwrap();
    assert_eq!(value.as_bytes(), Some(&[0xff][..]));
}

#[test]
fn extension_types_are_refused() {
    let error =
        Codec::MessagePack.decode::<Value>(&[0xd4, 1, 2], &DecodeLimits::new()).unwrap_err();
    assert!(matches!(error.kind(), DecodeErrorKind::Mismatch { .. }), "{error}");
}

#[test]
fn equal_numbers_are_equal_values() {
    assert_eq!(Value::from(5u64), Value::from(5i8));
    assert_eq!(Value::from(u64::MAX), Value::UInt(u64::MAX));
    assert_ne!(Value::from(5), Value::from(5.0));
    assert_eq!(Value::from(-1).as_u64(), None);
    assert_eq!(Value::from(u64::MAX).as_i64(), None);
    assert_eq!(Value::from(2).as_f64(), Some(2.0));
    assert_eq!(Value::from(None::<i32>), Value::Null);
}

#[test]
fn a_value_that_is_of_another_type_is_a_mismatch_that_says_so() {
    let error = from_value::<String>(Value::from(1)).unwrap_err();
    assert_eq!(error.to_string(), "cannot decode: invalid type: integer `1`, expected a string");
    let error = from_value::<[u8; 1]>(vec![Value::Null; 2].into()).unwrap_err();
    assert!(matches!(error.kind(), DecodeErrorKind::Mismatch { .. }), "{error}");
    assert!(from_value::<(u8,)>(vec![Value::from(1); 2].into()).is_err());
    assert!(from_value::<Shape>("Square".into()).is_err());
    assert!(from_value::<Shape>("Circle".into()).is_err());
    assert!(from_value::<Shape>(Map::from_iter([("Empty", 1)]).into()).is_err());
    assert!(from_value::<Shape>(Map::new().into()).is_err());
}

#[test]
fn a_map_is_sorted_holds_each_key_once_and_finds_it() {
    let mut map = Map::from_iter([("b", 1), ("a", 2), ("b", 3)]);
    assert_eq!(map, Map::from_iter([("a", 2), ("b", 3)]));
    assert_eq!(map.insert("c", 4), None);
    assert_eq!(map.insert("a", 5), Some(2.into()));
    assert_eq!(map.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
    map.extend([("c", 6), ("0", 0)]);
    assert_eq!(map.remove("c"), Some(6.into()));
    assert_eq!(map.remove("c"), None);
    assert_eq!(map.len(), 3);
    *map.get_mut("0").unwrap() = "zero".into();
    assert_eq!(format!("{map:?}"), r#"{"0": String("zero"), "a": Int(5), "b": Int(3)}"#);
}
