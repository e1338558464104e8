//! Converts Rust types into values, and encodes values.

use std::fmt::Display;

use serde::ser::{self, Serialize, Serializer};

use super::{Map, Value};
use crate::codec::{Codec, EncodeError};

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::UInt(value) => serializer.serialize_u64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::String(value) => serializer.serialize_str(value),
            Self::Bytes(value) => serializer.serialize_bytes(value),
            Self::Array(values) => serializer.collect_seq(values),
            Self::Map(map) => map.serialize(serializer),
        }
    }
}

impl Serialize for Map {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// Converts a Rust value into the [`Value`] that its MessagePack encoding would contain.
///
/// # Errors
///
/// Fails if the type's `Serialize` implementation fails, if a map has a key that is not a scalar or
/// has a duplicate key, or if an integer does not fit in 64 bits.
///
/// ```
/// use rpc_core::to_value;
///
/// assert_eq!(to_value(&Some("alice"))?, "alice".into());
/// # Ok::<(), rpc_core::EncodeError>(())
/// ```
pub fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value, EncodeError> {
    to_value_for(Codec::MessagePack, value)
}

/// Converts into the form of `codec`: some types serialize differently in text and in binary
/// formats.
pub(crate) fn to_value_for<T: Serialize + ?Sized>(
    codec: Codec,
    value: &T,
) -> Result<Value, EncodeError> {
    value.serialize(ValueSerializer { codec })
}

#[derive(Copy, Clone)]
struct ValueSerializer {
    codec: Codec,
}

impl ValueSerializer {
    /// Converts an integer that does not fit in 64 bits.
    fn wide_integer(self, bytes: [u8; 16], value: &dyn Display) -> Result<Value, EncodeError> {
        match self.codec {
            Codec::MessagePack => Ok(Value::Bytes(bytes.into())),
            Codec::Json => {
                Err(EncodeError::new(format_args!("the integer {value} does not fit in 64 bits")))
            }
        }
    }
}

macro_rules! scalars {
    ($($method:ident: $type:ty,)*) => {$(
        fn $method(self, value: $type) -> Result<Value, EncodeError> {
            Ok(value.into())
        }
    )*};
}

impl Serializer for ValueSerializer {
    type Ok = Value;
    type Error = EncodeError;
    type SerializeSeq = ArraySerializer;
    type SerializeTuple = ArraySerializer;
    type SerializeTupleStruct = ArraySerializer;
    type SerializeTupleVariant = ArraySerializer;
    type SerializeMap = MapSerializer;
    type SerializeStruct = MapSerializer;
    type SerializeStructVariant = MapSerializer;

    scalars! {
        serialize_bool: bool,
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
        serialize_f32: f32,
        serialize_f64: f64,
        serialize_str: &str,
    }

    // `rmp-serde` writes 128-bit integers as bytes. So does this serializer if the integer does not
    // fit in 64 bits.
    fn serialize_i128(self, value: i128) -> Result<Value, EncodeError> {
        match i64::try_from(value) {
            Ok(value) => Ok(value.into()),
            Err(_) => self.wide_integer(value.to_be_bytes(), &value),
        }
    }

    fn serialize_u128(self, value: u128) -> Result<Value, EncodeError> {
        match u64::try_from(value) {
            Ok(value) => Ok(value.into()),
            Err(_) => self.wide_integer(value.to_be_bytes(), &value),
        }
    }

    fn serialize_char(self, value: char) -> Result<Value, EncodeError> {
        Ok(Value::String(value.into()))
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Value, EncodeError> {
        Ok(Value::Bytes(value.to_vec()))
    }

    fn serialize_none(self) -> Result<Value, EncodeError> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, EncodeError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value, EncodeError> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<Value, EncodeError> {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<Value, EncodeError> {
        Ok(variant.into())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<Value, EncodeError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Value, EncodeError> {
        Ok(variant_map(variant, value.serialize(self)?))
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<ArraySerializer, EncodeError> {
        Ok(ArraySerializer::new(self, None, len))
    }

    fn serialize_tuple(self, len: usize) -> Result<ArraySerializer, EncodeError> {
        Ok(ArraySerializer::new(self, None, Some(len)))
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        len: usize,
    ) -> Result<ArraySerializer, EncodeError> {
        Ok(ArraySerializer::new(self, None, Some(len)))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<ArraySerializer, EncodeError> {
        Ok(ArraySerializer::new(self, Some(variant), Some(len)))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<MapSerializer, EncodeError> {
        Ok(MapSerializer::new(self, None, len))
    }

    fn serialize_struct(
        self,
        _name: &'static str,
        len: usize,
    ) -> Result<MapSerializer, EncodeError> {
        Ok(MapSerializer::new(self, None, Some(len)))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<MapSerializer, EncodeError> {
        Ok(MapSerializer::new(self, Some(variant), Some(len)))
    }

    fn is_human_readable(&self) -> bool {
        self.codec.is_text()
    }
}

/// Serializes an array.
struct ArraySerializer {
    serializer: ValueSerializer,
    variant: Option<&'static str>,
    members: Vec<Value>,
}

impl ArraySerializer {
    fn new(serializer: ValueSerializer, variant: Option<&'static str>, len: Option<usize>) -> Self {
        Self { serializer, variant, members: Vec::with_capacity(len.unwrap_or(0)) }
    }

    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.members.push(value.serialize(self.serializer)?);
        Ok(())
    }

    fn finish(self) -> Value {
        wrap_variant(self.variant, Value::Array(self.members))
    }
}

macro_rules! members {
    ($($trait:ident::$method:ident,)*) => {$(
        impl ser::$trait for ArraySerializer {
            type Ok = Value;
            type Error = EncodeError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
                self.push(value)
            }

            fn end(self) -> Result<Value, EncodeError> {
                Ok(self.finish())
            }
        }
    )*};
}

members! {
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field,
}

/// Serializes a map.
struct MapSerializer {
    serializer: ValueSerializer,
    variant: Option<&'static str>,
    entries: Vec<(String, Value)>,
    key: Option<String>,
}

impl MapSerializer {
    fn new(serializer: ValueSerializer, variant: Option<&'static str>, len: Option<usize>) -> Self {
        Self { serializer, variant, entries: Vec::with_capacity(len.unwrap_or(0)), key: None }
    }

    fn push<T: Serialize + ?Sized>(&mut self, key: String, value: &T) -> Result<(), EncodeError> {
        self.entries.push((key, value.serialize(self.serializer)?));
        Ok(())
    }

    fn finish(self) -> Result<Value, EncodeError> {
        let map = Map::from_entries(self.entries)
            .map_err(|key| EncodeError::new(format_args!("a map has the duplicate key {key:?}")))?;
        Ok(wrap_variant(self.variant, Value::Map(map)))
    }
}

impl ser::SerializeMap for MapSerializer {
    type Ok = Value;
    type Error = EncodeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        let key = key.serialize(self.serializer)?;
        self.key = Some(key_text(key).map_err(EncodeError::new)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        let key =
            self.key.take().ok_or_else(|| EncodeError::new("a map has a value without a key"))?;
        self.push(key, value)
    }

    fn end(self) -> Result<Value, EncodeError> {
        self.finish()
    }
}

macro_rules! fields {
    ($($trait:ident,)*) => {$(
        impl ser::$trait for MapSerializer {
            type Ok = Value;
            type Error = EncodeError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), EncodeError> {
                self.push(key.to_owned(), value)
            }

            fn end(self) -> Result<Value, EncodeError> {
                self.finish()
            }
        }
    )*};
}

fields! { SerializeStruct, SerializeStructVariant, }

/// Wraps `value` if it is the content of an enum variant.
fn wrap_variant(variant: Option<&'static str>, value: Value) -> Value {
    match variant {
        Some(variant) => variant_map(variant, value),
        None => value,
    }
}

fn variant_map(variant: &'static str, value: Value) -> Value {
    Value::Map(Map::from_iter([(variant, value)]))
}

/// Returns the text of a scalar map key, as JSON would write it.
pub(super) fn key_text(key: Value) -> Result<String, &'static str> {
    match key {
        Value::String(key) => Ok(key),
        Value::Int(key) => Ok(key.to_string()),
        Value::UInt(key) => Ok(key.to_string()),
        Value::Bool(key) => Ok(key.to_string()),
        Value::Float(key) => Ok(format!("{key:?}")),
        Value::Null => Ok("null".to_owned()),
        Value::Bytes(_) => Err("bytes cannot be a key of a map: keys are strings"),
        Value::Array(_) => Err("an array cannot be a key of a map: keys are strings"),
        Value::Map(_) => Err("a map cannot be a key of a map: keys are strings"),
    }
}
