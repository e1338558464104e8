//! What both codecs and `Value` write alike, and what they refuse.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::iter::successors;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};

use super::*;
use crate::value::{Value, from_value, to_value};

const CODECS: [Codec; 2] = [Codec::MessagePack, Codec::Json];
const LIMITS: &DecodeLimits = &DecodeLimits::new();

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct New<T>(T);

/// Asserts that a value survives both codecs, directly and through a `Value`, and that both codecs
/// contain the same `Value`, apart from bytes.
fn survives<T: Serialize + DeserializeOwned + PartialEq + Debug>(original: &T) {
    let shape = to_value(original).unwrap();
    assert_eq!(&from_value::<T>(shape.clone()).unwrap(), original, "through a value");
    for codec in CODECS {
        let bytes = codec.encode(original).unwrap();
        assert_eq!(&codec.decode::<T>(&bytes, LIMITS).unwrap(), original, "{codec:?}");
        let value: Value = codec.decode(&bytes, LIMITS).unwrap();
        let again = codec.encode(&value).unwrap();
        assert_eq!(&codec.decode::<T>(&again, LIMITS).unwrap(), original, "{codec:?}, again");
        assert_eq!(codec.encode(&shape).unwrap().len(), again.len(), "{codec:?}");
    }
}

/// Asserts that nothing writes the value, and that the error contains `reason`.
fn refused<T: Serialize + ?Sized>(value: &T, reason: &str) {
    let errors = CODECS.iter().map(|codec| codec.encode(value).map(|_| ()).unwrap_err());
    for error in errors.chain([to_value(value).map(|_| ()).unwrap_err()]) {
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[test]
fn some_of_null_is_refused_by_name() {
    refused(&Some(()), "`Some(())` cannot be told from `None`");
    refused(&Some(None::<u8>), "`Some(None)` cannot be told from `None`");
    refused(&Some(Some(None::<u8>)), "`Some(None)` cannot be told from `None`");
    refused(&Some(Unit), "`Some(Unit)` cannot be told from `None`");
    refused(&Some(Value::Null), "`Some(())` cannot be told from `None`");
    refused(&Some(New(New(()))), "`Some(())` cannot be told from `None`");
    refused(&vec![Some(Box::new(()))], "`Some(())` cannot be told from `None`");
    survives(&(None::<()>, None::<Unit>, (), Unit, Some(Some(1)), Some(New(vec![(); 2]))));
    survives(&Some(Ok::<(), ()>(())));
}

#[test]
fn an_error_names_the_fields_and_variants_that_contain_what_is_refused() {
    #[derive(Serialize)]
    struct Order {
        note: Note,
    }
    #[derive(Serialize)]
    enum Note {
        Marked { mark: Vec<Option<()>> },
        Boxed(Option<Unit>),
    }
    refused(
        &Order { note: Note::Marked { mark: vec![Some(())] } },
        "cannot encode: `note`: `mark`: `Some(())` cannot",
    );
    refused(
        &Order { note: Note::Boxed(Some(Unit)) },
        "cannot encode: `note`: `Boxed`: `Some(Unit)` cannot",
    );
}

#[test]
fn integers_of_128_bits_are_ordinary_ones_or_refused() {
    survives(&(0u128, u128::from(u64::MAX), i128::from(i64::MIN), i128::from(u64::MAX)));
    assert_eq!(to_value(&7u128).unwrap(), Value::from(7));
    refused(&(1u128 << 64), "18446744073709551616 does not fit in 64 bits");
    refused(&i128::MIN, "does not fit in 64 bits");
    survives(&BTreeMap::from([(7u128, -7i128)]));
    refused(&BTreeMap::from([(u128::MAX, ())]), "does not fit in 64 bits");
    for codec in CODECS {
        let bytes = codec.encode(&-1).unwrap();
        assert!(codec.decode::<u128>(&bytes, LIMITS).is_err());
    }
    assert!(from_value::<u128>(Value::from(-1)).is_err());
}

#[test]
fn numbers_that_are_not_finite_survive_messagepack_and_are_refused_by_json() {
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let bytes = Codec::MessagePack.encode(&Some(number)).unwrap();
        let back = Codec::MessagePack.decode::<Option<f64>>(&bytes, LIMITS).unwrap().unwrap();
        assert!(back == number || (back.is_nan() && number.is_nan()));
        let error = Codec::Json.encode(&Some(number)).unwrap_err().to_string();
        assert!(error.contains(&format!("{number} is not a number in JSON")), "{error}");
        assert!(Codec::Json.encode(&Value::from(number)).is_err());
        assert!(Codec::Json.encode(&(number as f32)).is_err());
    }
}

#[test]
fn types_with_a_form_for_people_are_read_within_types_that_serde_buffers() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "type")]
    enum Event {
        Joined { peer: IpAddr },
        Left(Left),
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Left {
        peer: SocketAddr,
        #[serde(flatten)]
        rest: Option<Rest>,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Rest {
        via: Ipv4Addr,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Peer {
        Ip(IpAddr),
        Number(u64),
    }
    let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
    survives(&vec![
        Event::Joined { peer },
        Event::Left(Left { peer: (peer, 7).into(), rest: Some(Rest { via: Ipv4Addr::BROADCAST }) }),
        Event::Left(Left { peer: (peer, 7).into(), rest: None }),
    ]);
    survives(&vec![Peer::Ip(peer), Peer::Number(3)]);
}

#[test]
fn keys_that_have_a_text_survive() {
    #[derive(Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
    enum Color {
        Red,
    }
    #[derive(Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
    struct Id(u16);
    survives(&HashMap::from([(i64::MIN, 1), (-1, 2), (0, 3)]));
    survives(&HashMap::from([(u64::MAX, 1)]));
    survives(&HashMap::from([(true, 1), (false, 2)]));
    survives(&HashMap::from([('ß', 1)]));
    survives(&HashMap::from([(Color::Red, 1)]));
    survives(&HashMap::from([(Some(Id(7)), 1)]));
    survives(&HashMap::from([(IpAddr::V4(Ipv4Addr::LOCALHOST), 1)]));
    refused(&HashMap::from([(None::<u8>, 1)]), "`None` cannot be a key of a map");
    refused(&HashMap::from([((), 1)]), "null cannot be a key of a map");
}

/// A map with a single key, which need not have an order.
struct Single<K>(K);

impl<K: Serialize> Serialize for Single<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([(&self.0, 1)])
    }
}

#[test]
fn floats_are_keys_if_they_are_finite() {
    for number in [0.0, -0.5, 1e300, f64::MIN_POSITIVE, 0.1] {
        for codec in CODECS {
            let bytes = codec.encode(&Single(number)).unwrap();
            let Single(back) = codec.decode::<Single<f64>>(&bytes, LIMITS).unwrap();
            assert_eq!(back, number);
            let bytes = codec.encode(&to_value(&Single(number)).unwrap()).unwrap();
            assert_eq!(codec.decode::<Single<f64>>(&bytes, LIMITS).unwrap().0, number);
        }
    }
    refused(&Single(f64::NAN), "NaN cannot be a key of a map");
    refused(&Single(f32::INFINITY), "inf cannot be a key of a map");
}

impl<'de, K: Deserialize<'de>> Deserialize<'de> for Single<K> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<K>(PhantomData<K>);
        impl<'de, K: Deserialize<'de>> serde::de::Visitor<'de> for Visitor<K> {
            type Value = Single<K>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map of one entry")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Single<K>, A::Error> {
                let (key, _) = map.next_entry::<K, u8>()?.unwrap();
                assert!(map.next_key::<K>()?.is_none());
                Ok(Single(key))
            }
        }
        deserializer.deserialize_map(Visitor(PhantomData))
    }
}

/// Bytes, as `serde_bytes` writes and reads them.
#[derive(Debug, PartialEq)]
struct Bytes(Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Bytes;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut seq: A,
            ) -> Result<Bytes, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = seq.next_element()? {
                    bytes.push(byte);
                }
                Ok(Bytes(bytes))
            }
        }
        deserializer.deserialize_byte_buf(Visitor)
    }
}

#[test]
fn bytes_are_not_taken_for_text() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Body {
        Text(String),
        Raw(Bytes),
    }
    survives(&Bytes(b"text".to_vec()));
    survives(&vec![Body::Raw(Bytes(b"text".to_vec())), Body::Text("text".into())]);
    let bytes = Codec::MessagePack.encode(&Bytes(vec![0; 100])).unwrap();
    assert_eq!(bytes.len(), 102);
}

#[test]
fn keys_that_are_not_text_are_rejected_within_tagged_untagged_and_flattened_types() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "type")]
    enum Tagged {
        Seats { by_row: BTreeMap<u32, String> },
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Seats { by_row: BTreeMap<u32, String> },
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Outer {
        #[serde(flatten)]
        inner: Inner,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Inner {
        by_row: BTreeMap<u32, String>,
    }
    fn rejected<T: Serialize + DeserializeOwned + Debug>(original: &T) {
        from_value::<T>(to_value(original).unwrap()).unwrap_err();
        for codec in CODECS {
            let bytes = codec.encode(original).unwrap();
            let error = codec.decode::<T>(&bytes, LIMITS).unwrap_err();
            assert!(matches!(error.kind(), DecodeErrorKind::Mismatch { .. }), "{error}");
        }
    }
    let by_row = BTreeMap::from([(7, "a".to_owned())]);
    survives(&Inner { by_row: by_row.clone() });
    rejected(&Tagged::Seats { by_row: by_row.clone() });
    rejected(&Untagged::Seats { by_row: by_row.clone() });
    rejected(&Outer { inner: Inner { by_row } });
}

#[test]
fn the_shape_of_an_encoded_value_is_known_without_decoding_it() {
    for codec in [Codec::MessagePack, Codec::Json] {
        let shape_of = |encoded: bytes::Bytes| codec.shape_of(&encoded);
        let large: BTreeMap<u32, ()> = (0..70_000).map(|n| (n, ())).collect();
        assert_eq!(codec.shape_of(codec.empty_map()), Shape::Map);
        assert_eq!(shape_of(codec.encode(&large).unwrap()), Shape::Map);
        assert_eq!(shape_of(codec.encode(&()).unwrap()), Shape::Nil);
        assert_eq!(shape_of(codec.encode(&("a", 1)).unwrap()), Shape::Other);
        assert_eq!(shape_of(codec.encode("a").unwrap()), Shape::Other);
        assert_eq!(codec.shape_of(&[]), Shape::Other);
    }
}

/// A list whose members are nested one within the other.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Nested {
    End,
    Tuple(Box<Nested>),
    Struct { next: Option<Box<Nested>> },
}

/// A struct that ignores what it does not know, however deep.
#[derive(Debug, PartialEq, Deserialize)]
struct Ignoring {}

fn decoded<T: DeserializeOwned>(payload: &Payload, limits: &DecodeLimits) -> Result<T, String> {
    payload.decode(limits).map_err(|error| error.to_string())
}

#[test]
fn the_depth_limit_is_the_same_for_bytes_that_this_process_encoded() {
    let arrays = successors(Some(Value::Null), |inner| Some(Value::Array(vec![inner.clone()])));
    let maps = successors(Some(Value::Null), |inner| {
        Some(Value::Map([("extra".to_owned(), inner.clone())].into_iter().collect()))
    });
    let tuples = (0..20usize).map(|depth| {
        let nested = (0..depth).fold(Nested::End, |inner, _| Nested::Tuple(Box::new(inner)));
        to_value(&nested).unwrap()
    });
    let structs = (0..20usize).map(|depth| {
        let nested =
            (0..depth).fold(Nested::End, |inner, _| Nested::Struct { next: Some(Box::new(inner)) });
        to_value(&nested).unwrap()
    });
    let limits = DecodeLimits::new().max_depth(7);
    let mut refused = 0;
    for value in arrays.take(20).chain(maps.take(20)).chain(tuples).chain(structs) {
        for codec in CODECS {
            let here = Payload::encode(codec, &value).unwrap();
            let received = Payload::new(codec, here.bytes().clone());
            let whole = decoded::<Value>(&received, &limits);
            refused += usize::from(whole.is_err());
            assert_eq!(decoded::<Value>(&here, &limits), whole);
            assert_eq!(decoded::<Nested>(&here, &limits), decoded(&received, &limits));
            assert_eq!(decoded::<Ignoring>(&here, &limits), decoded(&received, &limits));
        }
    }
    assert!(refused > 0, "nothing was too deep");
}
