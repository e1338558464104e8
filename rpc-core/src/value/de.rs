//! Bytes into values, and values into Rust types.

use std::fmt;

use serde::de::value::SeqDeserializer;
use serde::de::{
    self, Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess,
    IntoDeserializer, MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::ser::key_text;
use super::{Map, Value};
use crate::codec::{Codec, DecodeError};

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

impl<'de> Deserialize<'de> for Map {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MapVisitor)
    }
}

struct ValueVisitor;

macro_rules! visit {
    ($($method:ident: $type:ty,)*) => {$(
        fn $method<E>(self, value: $type) -> Result<Value, E> {
            Ok(value.into())
        }
    )*};
}

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value: null, a boolean, a number, text, bytes, an array or a map")
    }

    visit! {
        visit_bool: bool,
        visit_i64: i64,
        visit_u64: u64,
        visit_f64: f64,
        visit_str: &str,
        visit_string: String,
        visit_byte_buf: Vec<u8>,
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes(value.to_vec()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut array = Vec::with_capacity(reserve(members.size_hint()));
        while let Some(member) = members.next_element()? {
            array.push(member);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Value, A::Error> {
        MapVisitor.visit_map(entries).map(Value::Map)
    }
}

struct MapVisitor;

impl<'de> Visitor<'de> for MapVisitor {
    type Value = Map;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Map, A::Error> {
        let mut entries = Vec::with_capacity(reserve(access.size_hint()));
        while let Some(Key(key)) = access.next_key()? {
            entries.push((key, access.next_value()?));
        }
        Map::from_entries(entries)
            .map_err(|key| de::Error::custom(format_args!("the key {key:?} is there twice")))
    }
}

/// What is announced may not be there: not more than a kilobyte or so is reserved for it.
fn reserve(announced: Option<usize>) -> usize {
    announced.unwrap_or(0).min(32)
}

/// A key of a map.
struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        key_text(Value::deserialize(deserializer)?).map(Self).map_err(de::Error::custom)
    }
}

/// Turns a [`Value`] of the shape that MessagePack has into a Rust value.
///
/// # Errors
///
/// [`DecodeErrorKind::Mismatch`](crate::DecodeErrorKind::Mismatch), when the value is not of the
/// type asked for.
///
/// ```
/// use rpc_core::{Value, from_value};
///
/// let numbers: Vec<u8> = from_value(Value::from(vec![Value::from(1), Value::from(2)]))?;
/// assert_eq!(numbers, [1, 2]);
/// # Ok::<(), rpc_core::DecodeError>(())
/// ```
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, DecodeError> {
    from_value_for(Codec::MessagePack, value)
}

/// Some types read themselves differently from text and from binary forms; the codec says which.
pub(crate) fn from_value_for<T: DeserializeOwned>(
    codec: Codec,
    value: Value,
) -> Result<T, DecodeError> {
    T::deserialize(ValueDeserializer { codec, value })
}

struct ValueDeserializer {
    codec: Codec,
    value: Value,
}

impl<'de> Deserializer<'de> for ValueDeserializer {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let codec = self.codec;
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Int(value) => visitor.visit_i64(value),
            Value::UInt(value) => visitor.visit_u64(value),
            Value::Float(value) => visitor.visit_f64(value),
            Value::String(value) => visitor.visit_string(value),
            Value::Bytes(value) => visitor.visit_byte_buf(value),
            Value::Array(members) => {
                let count = members.len();
                let mut members = Members { codec, members: members.into_iter() };
                let value = visitor.visit_seq(&mut members)?;
                exhausted(count, members.members.len()).map(|()| value)
            }
            Value::Map(map) => {
                let count = map.len();
                let mut entries = Entries { codec, entries: map.into_iter(), value: None };
                let value = visitor.visit_map(&mut entries)?;
                exhausted(count, entries.entries.len()).map(|()| value)
            }
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.value {
            Value::Bytes(bytes) => visitor.visit_seq(SeqDeserializer::new(bytes.into_iter())),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.wide() {
            Some(bytes) => visitor.visit_i128(i128::from_be_bytes(bytes)),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.wide() {
            Some(bytes) => visitor.visit_u128(u128::from_be_bytes(bytes)),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match &self.value {
            // What `rmp-serde` writes for a unit struct.
            Value::Array(members) if members.is_empty() => visitor.visit_unit(),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let codec = self.codec;
        let (variant, content) = match self.value {
            Value::String(variant) => (variant, None),
            Value::Map(map) if map.len() == 1 => match map.into_iter().next() {
                Some((variant, content)) => (variant, Some(content)),
                None => return Err(not_a_variant(Unexpected::Map)),
            },
            other => return Err(not_a_variant(unexpected(&other))),
        };
        let content = content.map(|value| Self { codec, value });
        visitor.visit_enum(Variant { variant, content: Content(content) })
    }

    fn is_human_readable(&self) -> bool {
        self.codec.is_text()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit
        tuple_struct map struct identifier ignored_any
    }
}

impl ValueDeserializer {
    /// An integer of more than 64 bits, which MessagePack has as bytes.
    fn wide(&self) -> Option<[u8; 16]> {
        self.value.as_bytes()?.try_into().ok()
    }
}

fn exhausted(count: usize, left: usize) -> Result<(), DecodeError> {
    match left {
        0 => Ok(()),
        left => Err(DecodeError::mismatch(format_args!(
            "{count} members where {} were expected",
            count - left
        ))),
    }
}

fn unexpected(value: &Value) -> Unexpected<'_> {
    match value {
        Value::Null => Unexpected::Unit,
        Value::Bool(value) => Unexpected::Bool(*value),
        Value::Int(value) => Unexpected::Signed(*value),
        Value::UInt(value) => Unexpected::Unsigned(*value),
        Value::Float(value) => Unexpected::Float(*value),
        Value::String(value) => Unexpected::Str(value),
        Value::Bytes(value) => Unexpected::Bytes(value),
        Value::Array(_) => Unexpected::Seq,
        Value::Map(_) => Unexpected::Map,
    }
}

fn not_a_variant(found: Unexpected<'_>) -> DecodeError {
    de::Error::invalid_type(found, &"the name of a variant or a map with that name alone")
}

struct Members {
    codec: Codec,
    members: std::vec::IntoIter<Value>,
}

impl<'de> SeqAccess<'de> for &mut Members {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let codec = self.codec;
        self.members
            .next()
            .map(|value| seed.deserialize(ValueDeserializer { codec, value }))
            .transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.members.len())
    }
}

struct Entries {
    codec: Codec,
    entries: std::vec::IntoIter<(String, Value)>,
    value: Option<Value>,
}

impl<'de> MapAccess<'de> for &mut Entries {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DecodeError> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(KeyDeserializer { key }).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, DecodeError> {
        let Some(value) = self.value.take() else {
            return Err(DecodeError::mismatch("a value was asked for before its key"));
        };
        seed.deserialize(ValueDeserializer { codec: self.codec, value })
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// A key: text, which a type that wants a number or a boolean gets parsed.
struct KeyDeserializer {
    key: String,
}

macro_rules! parsed {
    ($($method:ident => $visit:ident,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            match self.key.parse() {
                Ok(key) => visitor.$visit(key),
                Err(_) => visitor.visit_string(self.key),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for KeyDeserializer {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_string(self.key)
    }

    parsed! {
        deserialize_bool => visit_bool,
        deserialize_i8 => visit_i64,
        deserialize_i16 => visit_i64,
        deserialize_i32 => visit_i64,
        deserialize_i64 => visit_i64,
        deserialize_u8 => visit_u64,
        deserialize_u16 => visit_u64,
        deserialize_u32 => visit_u64,
        deserialize_u64 => visit_u64,
        deserialize_f32 => visit_f64,
        deserialize_f64 => visit_f64,
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_enum(self.key.into_deserializer())
    }

    forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct Variant {
    variant: String,
    content: Content,
}

impl<'de> EnumAccess<'de> for Variant {
    type Error = DecodeError;
    type Variant = Content;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Content), DecodeError> {
        let variant = seed.deserialize(KeyDeserializer { key: self.variant })?;
        Ok((variant, self.content))
    }
}

/// What a variant holds; none where its name stood alone.
struct Content(Option<ValueDeserializer>);

impl Content {
    fn expect(self, kind: &str) -> Result<ValueDeserializer, DecodeError> {
        self.0.ok_or_else(|| de::Error::invalid_type(Unexpected::UnitVariant, &kind))
    }
}

impl<'de> VariantAccess<'de> for Content {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        self.0.map_or(Ok(()), Deserialize::deserialize)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, DecodeError> {
        seed.deserialize(self.expect("a variant with a value")?)
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.expect("a variant with values")?.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.expect("a variant with fields")?.deserialize_any(visitor)
    }
}
