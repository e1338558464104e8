//! Converts values into Rust types.

use serde::de::value::SeqDeserializer;
use serde::de::{
    self, Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::Value;
use crate::codec::error::{check_exhausted, not_a_variant};
use crate::codec::key::KeyDeserializer;
use crate::codec::{ANY_WITH_BYTES, DecodeError};

/// Converts a [`Value`] into a Rust value, as if it had been decoded from bytes.
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
    T::deserialize(ValueDeserializer(value))
}

struct ValueDeserializer(Value);

impl<'de> Deserializer<'de> for ValueDeserializer {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Int(value) => visitor.visit_i64(value),
            Value::UInt(value) => visitor.visit_u64(value),
            Value::Float(value) => visitor.visit_f64(value),
            Value::String(value) => visitor.visit_string(value),
            // As from JSON; see `ANY_WITH_BYTES`.
            Value::Bytes(value) => visitor.visit_seq(SeqDeserializer::new(value.into_iter())),
            Value::Array(members) => {
                let count = members.len();
                let mut members = ArrayAccess(members.into_iter());
                let value = visitor.visit_seq(&mut members)?;
                check_exhausted(count, members.0.len()).map(|()| value)
            }
            Value::Map(map) => {
                let count = map.len();
                let mut entries = EntryAccess { entries: map.into_iter(), value: None };
                let value = visitor.visit_map(&mut entries)?;
                check_exhausted(count, entries.entries.len()).map(|()| value)
            }
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.0 {
            Value::Bytes(value) => visitor.visit_byte_buf(value),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        if name == ANY_WITH_BYTES {
            return self.deserialize_bytes(visitor);
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let (variant, content) = match self.0 {
            Value::String(variant) => (variant, None),
            Value::Map(map) if map.len() == 1 => match map.into_iter().next() {
                Some((variant, content)) => (variant, Some(content)),
                None => return Err(not_a_variant(Unexpected::Map)),
            },
            other => return Err(not_a_variant(unexpected(&other))),
        };
        let content = VariantContent(content.map(Self));
        visitor.visit_enum(VariantDeserializer { variant, content })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string unit unit_struct seq
        tuple tuple_struct map struct identifier ignored_any
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

struct ArrayAccess(std::vec::IntoIter<Value>);

impl<'de> SeqAccess<'de> for &mut ArrayAccess {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        self.0.next().map(|value| seed.deserialize(ValueDeserializer(value))).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

struct EntryAccess {
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
        seed.deserialize(KeyDeserializer(key.into())).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, DecodeError> {
        let Some(value) = self.value.take() else {
            return Err(DecodeError::mismatch("a value was requested before its key"));
        };
        seed.deserialize(ValueDeserializer(value))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
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
        let variant = seed.deserialize(KeyDeserializer(self.variant.into()))?;
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
