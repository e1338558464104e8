//! Converts values into Rust types.

use serde::de::value::SeqDeserializer;
use serde::de::{
    self, Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess,
    IntoDeserializer, MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::Value;
use crate::codec::{Codec, DecodeError};

/// Converts a [`Value`] into a Rust value, as if it had been decoded from MessagePack.
///
/// # Errors
///
/// Fails with [`DecodeErrorKind::Mismatch`](crate::DecodeErrorKind::Mismatch) if the value does not
/// have the requested type.
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

/// Converts a value in the form of `codec`: some types deserialize differently from text and from
/// binary formats.
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
                let mut members = ArrayAccess { codec, members: members.into_iter() };
                let value = visitor.visit_seq(&mut members)?;
                check_exhausted(count, members.members.len()).map(|()| value)
            }
            Value::Map(map) => {
                let count = map.len();
                let mut entries = EntryAccess { codec, entries: map.into_iter(), value: None };
                let value = visitor.visit_map(&mut entries)?;
                check_exhausted(count, entries.entries.len()).map(|()| value)
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
        match self.wide_integer() {
            Some(bytes) => visitor.visit_i128(i128::from_be_bytes(bytes)),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.wide_integer() {
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
            // `rmp-serde` writes a unit struct as an empty array.
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
        visitor.visit_enum(VariantDeserializer { variant, content: VariantContent(content) })
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
    /// Returns the bytes of a 128-bit integer, which MessagePack represents as bytes.
    fn wide_integer(&self) -> Option<[u8; 16]> {
        self.value.as_bytes()?.try_into().ok()
    }
}

/// Fails if the visitor has not consumed all members.
fn check_exhausted(count: usize, left: usize) -> Result<(), DecodeError> {
    match left {
        0 => Ok(()),
        left => Err(DecodeError::mismatch(format_args!(
            "invalid length {count}, expected {}",
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

struct ArrayAccess {
    codec: Codec,
    members: std::vec::IntoIter<Value>,
}

impl<'de> SeqAccess<'de> for &mut ArrayAccess {
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

struct EntryAccess {
    codec: Codec,
    entries: std::vec::IntoIter<(String, Value)>,
    value: Option<Value>,
}

impl<'de> MapAccess<'de> for &mut EntryAccess {
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
            return Err(DecodeError::mismatch("a value was requested before its key"));
        };
        seed.deserialize(ValueDeserializer { codec: self.codec, value })
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// Deserializes a map key. For types that expect a number or a boolean, the text of the key is
/// parsed.
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

struct VariantDeserializer {
    variant: String,
    content: VariantContent,
}

impl<'de> EnumAccess<'de> for VariantDeserializer {
    type Error = DecodeError;
    type Variant = VariantContent;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, VariantContent), DecodeError> {
        let variant = seed.deserialize(KeyDeserializer { key: self.variant })?;
        Ok((variant, self.content))
    }
}

/// The content of an enum variant: `None` if only the name of the variant was given.
struct VariantContent(Option<ValueDeserializer>);

impl VariantContent {
    fn expect(self, kind: &str) -> Result<ValueDeserializer, DecodeError> {
        self.0.ok_or_else(|| de::Error::invalid_type(Unexpected::UnitVariant, &kind))
    }
}

impl<'de> VariantAccess<'de> for VariantContent {
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
